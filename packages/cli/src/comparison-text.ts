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
const WHOLE: ReadonlySet<string> = new Set(['decomposition', 'figures', 'phases']);

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
  const text = ({ id, ...table }: (typeof others)[number]): string =>
    tableText({ id, ...table }, WHOLE.has(id) ? table.rows.length : undefined);
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
