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
import type { ComparedSets } from '@epemu/pages';
import { pictureOptions, tableText } from './analysis-text.js';
import type { TextOutput } from './analysis-text.js';

/** Tables whose rows are all shown. */
const WHOLE: ReadonlySet<string> = new Set(['decomposition', 'figures', 'memory', 'phases']);

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

/** The text of `epemu compare`. */
export function comparisonText(comparison: Comparison, sets: ComparedSets, output: TextOutput): string {
  const { a, b, notes } = comparison;
  const [parts, figures, ...others] = comparisonTables(comparison);
  const text = (table: (typeof others)[number]): string => {
    const rows = table.rows.map(({ cells: [name, ...cells], flagged }) => ({
      cells: [shortName(name), ...cells],
      flagged,
    }));
    return tableText({ ...table, rows }, WHOLE.has(table.id) ? rows.length : undefined);
  };
  const lines = [
    ...[`A  ${sideTitle(a)}: ${a.path}`, `B  ${sideTitle(b)}: ${b.path}`, ...notes].map(plainText),
    '',
    text(parts),
    text(figures),
    ...layerPictures(sets, output),
    ...others.map(text),
    plainText(comparisonSentence(comparison)),
  ];
  return `${lines.join('\n')}\n`;
}
