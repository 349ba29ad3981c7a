import { emulatedText, errorText, publishedText, toleranceText, verdictText } from './format.js';
import type { CalibrationRow } from './row.js';
import { siliconErrorPct } from './silicon/comparison.js';
import type { SiliconSummary } from './silicon/comparison.js';

/** Rows as text; the id is in the first column, the use in the last. */
export interface RowsTable {
  readonly head: string[];
  readonly cells: string[][];
  /** Columns of numbers, to be aligned right. */
  readonly right: readonly number[];
}

interface Column {
  readonly head: string;
  readonly isNumber: boolean;
  readonly text: (row: CalibrationRow) => string;
}

const COLUMNS: readonly Column[] = [
  { head: 'figure', isNumber: false, text: ({ id }) => id },
  { head: 'published', isNumber: true, text: publishedText },
  { head: 'emulated', isNumber: true, text: (row) => emulatedText(row.emulated, row) },
  { head: 'rank 0', isNumber: true, text: (row) => emulatedText(row.rank0, row) },
  { head: 'error', isNumber: true, text: errorText },
  { head: 'tolerance', isNumber: false, text: ({ tolerance }) => toleranceText(tolerance) },
  { head: '', isNumber: false, text: verdictText },
  { head: 'use', isNumber: false, text: ({ use }) => use },
];

/** @returns rows as a table, without the columns that none of them has anything for. */
export function rowsTable(rows: readonly CalibrationRow[]): RowsTable {
  const columns = COLUMNS.filter(({ text }) => rows.some((row) => text(row) !== ''));
  return {
    head: columns.map(({ head }) => head),
    cells: rows.map((row) => columns.map(({ text }) => text(row))),
    right: columns.flatMap(({ isNumber }, i) => (isNumber ? [i] : [])),
  };
}

/** @returns the errors of rows measured on silicon as a table. */
export function siliconErrorsTable({ errors }: SiliconSummary): RowsTable {
  return {
    head: ['family', 'GPU', 'use', 'rows', 'half within', 'nine tenths within'],
    cells: errors.map(({ family, gpu, use, rows, p50Pct, p90Pct }) => [
      ...[family, gpu, use, String(rows)],
      ...[p50Pct, p90Pct].map((off) => `${off.toFixed(1)} %`),
    ]),
    right: [3, 4, 5],
  };
}

/** @returns the rows measured on silicon that are furthest off, as a table. */
export function siliconWorstTable({ worst }: SiliconSummary): RowsTable {
  return {
    head: ['family', 'GPU', 'row', 'measured', 'emulated', 'error'],
    cells: worst.map((row) => {
      const off = siliconErrorPct(row);
      return [
        ...[row.family, row.gpu, row.what],
        ...[row.measuredUs, row.emulatedUs].map((us) => `${Number(us.toPrecision(4))} µs`),
        `${off >= 0 ? '+' : '−'}${Math.abs(off).toFixed(0)} %`,
      ];
    }),
    right: [3, 4, 5],
  };
}
