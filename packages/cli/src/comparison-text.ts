import type { Comparison } from '@epemu/analysis';
import {
  columnsToScale,
  comparisonLayers,
  comparisonSentence,
  comparisonTables,
  layerText,
  plainText,
  sideTitle,
} from '@epemu/pages';
import type { ComparedSets, PageTable } from '@epemu/pages';
import { hasColours, pictureOptions, tableText } from './analysis-text.js';
import type { TextOutput } from './analysis-text.js';

/** Tables whose rows are all shown. */
const WHOLE: ReadonlySet<string> = new Set([
  'configuration-differences',
  'decomposition',
  'figures',
  'memory',
  'phases',
]);

/** Names longer than this would push the figures out of sight. */
const MOST_CHARACTERS = 56;

/** @returns a name of generated code, which may be endless, as a line has room for it; the page has all of it. */
function shortName(name: string): string {
  const characters = Array.from(name);
  return characters.length <= MOST_CHARACTERS ? name : `${characters.slice(0, MOST_CHARACTERS - 1).join('')}…`;
}

/** The layers of both below each other, to one scale where they are not too different. */
function layerPictures(sets: ComparedSets, output: TextOutput): string[] {
  const pictures = comparisonLayers(sets);
  const { columns, colour } = pictureOptions(output);
  return pictures.map((picture) => layerText(picture, { columns: columnsToScale(picture, pictures, columns), colour }));
}

/** Tables that stand above the pictures. */
const FIRST: ReadonlySet<string> = new Set(['configuration-differences', 'decomposition', 'figures']);

/** @returns a table with names that a line has room for. */
function shortTable(table: PageTable, colours: boolean): string {
  const rows = table.rows.map(({ cells: [name, ...cells], ...row }) => ({
    ...row,
    cells: [shortName(name), ...cells],
  }));
  return tableText({ ...table, rows }, WHOLE.has(table.id) ? rows.length : undefined, colours);
}

/** The text of `epemu compare`. */
export function comparisonText(comparison: Comparison, sets: ComparedSets, output: TextOutput): string {
  const { a, b, notes } = comparison;
  const tables = comparisonTables(comparison);
  const text = (table: PageTable): string => shortTable(table, hasColours(output));
  const lines = [
    ...[`A  ${sideTitle(a)}: ${a.path}`, `B  ${sideTitle(b)}: ${b.path}`, ...notes].map(plainText),
    '',
    ...tables.filter(({ id }) => FIRST.has(id)).map(text),
    ...layerPictures(sets, output),
    ...tables.filter(({ id }) => !FIRST.has(id)).map(text),
    plainText(comparisonSentence(comparison)),
  ];
  return `${lines.join('\n')}\n`;
}
