import type { Comparison, FigureComparison } from '@epemu/analysis';
import {
  comparisonSentence,
  figureText,
  plainText,
  sideTitle,
  signedPercentText,
  signedPointsText,
} from '@epemu/pages';
import { plainTable } from './plain-table.js';

/** Figures that are set side by side of several: those that are asked for first. */
const SHOWN: readonly (readonly [name: string, window: FigureComparison['window']])[] = [
  ['layer', 'steady'],
  ['exposed', 'steady'],
  ['overlap', 'steady'],
  ['idle', 'steady'],
  ['TPOT', 'model'],
  ['step', 'model'],
  ['tokens/s a GPU', 'model'],
  ['span', 'whole'],
];
const WINDOWS = { steady: 'steady layers', whole: 'the whole', model: 'the whole model' } as const;
const ABSENT = '–';

function changeOf({ unit, difference, differencePct, better }: FigureComparison): string {
  if (difference === 0) return '';
  const by = unit === '%' ? signedPointsText(difference) : signedPercentText(differencePct ?? 0);
  const word = better === null ? '' : difference < 0 === (better === 'less') ? ', better' : ', worse';
  return ` (${by}${word})`;
}

/** The text of more than two: a column each, the first what the others are compared with. */
export function comparisonsText(comparisons: readonly Comparison[]): string {
  const letters = ['A', ...comparisons.map((_, index) => String.fromCharCode(66 + index))];
  const sides = [comparisons[0].a, ...comparisons.map(({ b }) => b)];
  const keys = [...new Set(comparisons.flatMap(({ configuration }) => configuration.map(({ key }) => key)))];
  const configured = keys.map((key) => {
    const of = comparisons.map(({ configuration }) => configuration.find((difference) => difference.key === key));
    const own = of.find((difference) => difference !== undefined)?.a ?? ABSENT;
    return [key, own, ...of.map((difference) => (difference === undefined ? 'as A' : (difference.b ?? ABSENT)))];
  });
  const figures = SHOWN.flatMap(([name, window]) => {
    const of = comparisons.map((comparison) =>
      comparison.figures.find((figure) => figure.name === name && figure.window === window),
    );
    const first = of.find((figure) => figure !== undefined);
    if (first === undefined) return [];
    const texts = of.map((figure) =>
      figure === undefined ? ABSENT : `${figureText(figure, figure.b)}${changeOf(figure)}`,
    );
    return [[name, WINDOWS[window], figureText(first, first.a), ...texts]];
  });
  const right = letters.map((_, index) => index + 2);
  const lines = [
    ...sides.map((side, index) => `${letters[index]}  ${plainText(`${sideTitle(side)}: ${side.path}`)}`),
    '',
    ...(configured.length === 0
      ? []
      : [
          'Configured differently',
          '',
          plainTable(
            ['key', ...letters],
            configured.map((row) => row.map(plainText)),
          ),
          '',
        ]),
    'Figures, and how they differ from A’s',
    '',
    plainTable(['figure', 'over', ...letters], figures, right),
    '',
    ...comparisons.map((comparison, index) =>
      plainText(
        `${letters[index + 1]}: ${comparisonSentence(comparison).replaceAll('B’s', `${letters[index + 1]}’s`)}`,
      ),
    ),
  ];
  return `${lines.join('\n')}\n`;
}
