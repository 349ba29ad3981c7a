import type { AnalysedRanks, AnalysedSet, RankFigures } from '@epemu/analysis';
import {
  analysisFigures,
  analysisTables,
  findingText,
  layerText,
  plainText,
  steadyLayer,
  titleOf,
  verdictOf,
} from '@epemu/pages';
import type { PageTable } from '@epemu/pages';
import { plainTable } from './plain-table.js';

/** Rows of a table that the terminal shows; pages and JSON have all. */
const MOST_ROWS = 12;
/** Tables that the terminal leaves to pages and JSON. */
const LEFT_OUT: ReadonlySet<string> = new Set(['kernels', 'skew', 'critical-path-ranks']);
const DEFAULT_COLUMNS = 100;

/** Where text goes: a terminal has a width and may have colours. */
export interface TextOutput {
  readonly isTTY?: boolean;
  readonly columns?: number;
}

/** @returns whether text may have colours. NO_COLOR, where it is set to anything, means none: no-color.org. */
export function hasColours(output: TextOutput): boolean {
  return output.isTTY === true && (process.env['NO_COLOR'] ?? '') === '';
}

const COLOURS = { better: '\u001b[32m', worse: '\u001b[31m' } as const;
const PLAIN = '\u001b[39m';

/** @returns how pictures of layers are drawn on the output. */
export function pictureOptions(output: TextOutput): Parameters<typeof layerText>[1] {
  const columns = Math.max(60, Math.min(160, output.columns ?? DEFAULT_COLUMNS));
  return { columns, colour: hasColours(output) };
}

/** @returns the picture of one layer as wide as the output. */
export function layerPictureText(analysed: AnalysedRanks, first: RankFigures | undefined, output: TextOutput): string {
  const picture = first === undefined ? null : steadyLayer(analysed, first);
  return picture === null ? '' : layerText(picture, pictureOptions(output));
}

/** Longer cells are cut: every row is as wide as the widest. */
const MOST_CHARACTERS = 90;

function clipped(cell: string): string {
  const text = plainText(cell.slice(0, 4 * MOST_CHARACTERS));
  return text.length > MOST_CHARACTERS ? `${text.slice(0, MOST_CHARACTERS - 1)}…` : text;
}

/** @returns a page's table as the terminal shows it: what is better or worse has its colour where there are colours. */
export function tableText({ title, note, columns, rows }: PageTable, most = MOST_ROWS, colours = false): string {
  const right = columns.flatMap(({ align }, index) => (align === 'left' ? [] : [index]));
  // Names come from files: nothing in them may steer the terminal.
  const shown = rows.slice(0, most).map(({ cells, better }) =>
    cells.map((cell, index) => {
      const verdict = colours ? verdictOf(columns[index], cell, better) : undefined;
      return verdict === undefined ? clipped(cell) : `${COLOURS[verdict]}${clipped(cell)}${PLAIN}`;
    }),
  );
  const more = rows.length > most ? `… ${rows.length - most} more\n` : '';
  const table = plainTable(
    columns.map(({ label }) => label),
    shown,
    right,
  );
  return `${title}\n${note === '' ? '' : `${note}\n`}\n${table}\n${more}`;
}

/** The text of `epemu analyze`. */
export function analysisText(analysed: AnalysedSet, output: TextOutput): string {
  const { analysis } = analysed;
  const figures = analysisFigures(analysis).map(({ label, value, note }) => [label, value, note]);
  const lines = [
    plainText(`${titleOf(analysis)}, ${analysis.kernels} kernels${analysis.gpu === null ? '' : ` on ${analysis.gpu}`}`),
    '',
    plainTable(['', '', ''], figures, [1]),
    '',
    layerPictureText(analysed, analysed.ranks[0], output),
  ];
  for (const table of analysisTables(analysis)) if (!LEFT_OUT.has(table.id)) lines.push(tableText(table));
  lines.push(plainText(findingText(analysis)));
  return `${lines.join('\n')}\n`;
}
