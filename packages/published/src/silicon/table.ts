import { readFileSync } from 'node:fs';
import { InvariantError } from '@epemu/core';

/** A measured row: its columns as text, the size that the table's columns run over, and the time. */
export interface SiliconRow {
  /** By the name of the column: `gpu`, `dtype`, `ep`; the size that the columns run over is among them. */
  readonly keys: Readonly<Record<string, string>>;
  readonly us: number;
}

/** A table of measured times. */
export interface SiliconTable {
  /** What was measured, and where it comes from: the lines at the head of the file. */
  readonly about: string;
  readonly rows: readonly SiliconRow[];
}

/** A column of times: the size that its rows have, such as `m=256`. */
const TIMES_COLUMN = /^([a-z]+)=(\d+)$/;

/**
 * Reads the text of a table. Lines at its head that begin with `#` say what it is; then come the names of the columns:
 * keys, and one for each size that was measured, such as `m=16`; then the rows, with nothing where nothing was measured.
 *
 * @param name for messages.
 * @throws InvariantError naming the line that is no row.
 */
export function parseSiliconTable(text: string, name: string): SiliconTable {
  const lines = text.trimEnd().split('\n');
  const first = lines.findIndex((line) => !line.startsWith('#'));
  const about = lines.slice(0, first).map((line) => line.slice(1).trim());
  const columns = lines[first].split(',').map((column) => ({ column, times: TIMES_COLUMN.exec(column) }));
  const rows = lines.slice(first + 1).flatMap((line, index) => {
    const cells = line.split(',');
    const wrong = (problem: string): InvariantError =>
      new InvariantError(`${name}, line ${first + index + 2}, ${problem}`);
    if (cells.length !== columns.length) throw wrong(`has ${cells.length} cells, not ${columns.length}`);
    const keys: Record<string, string> = {};
    columns.forEach(({ column, times }, i) => {
      if (times === null) keys[column] = cells[i];
    });
    return columns.flatMap(({ times }, i): SiliconRow[] => {
      if (times === null || cells[i] === '') return [];
      const us = Number(cells[i]);
      if (!(us > 0 && us < Infinity)) throw wrong(`has ${cells[i]} where a time stands`);
      return [{ keys: { ...keys, [times[1]]: times[2] }, us }];
    });
  });
  return { about: about.join(' '), rows };
}

/** Tables of kernels: what was measured, and the file that has it. */
const FILES = {
  gemm: 'gemm.csv',
  'mla-context': 'mla-context.csv',
  'mla-generation': 'mla-generation.csv',
  'mla-bmm': 'mla-bmm.csv',
  'moe-context': 'moe-context.csv',
  'moe-generation': 'moe-generation.csv',
} as const;

export type KernelTableName = keyof typeof FILES;

export const KERNEL_TABLES = Object.keys(FILES) as readonly KernelTableName[];

const read = new Map<KernelTableName, SiliconTable>();

/** @returns a table of kernels measured on real GPUs, read once. */
export function kernelTable(name: KernelTableName): SiliconTable {
  let table = read.get(name);
  if (table === undefined) {
    const file = new URL(`../../data/silicon/${FILES[name]}`, import.meta.url);
    table = parseSiliconTable(readFileSync(file, 'utf8'), FILES[name]);
    read.set(name, table);
  }
  return table;
}
