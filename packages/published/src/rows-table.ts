import { emulatedText, errorText, publishedText, toleranceText, verdictText } from './format.js';
import type { CalibrationRow } from './row.js';

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
