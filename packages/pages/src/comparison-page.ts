import type { AnalysedSet, Comparison, FigureComparison, SideHeadline } from '@epemu/analysis';
import { rankBars, titleOf } from './analysis-page.js';
import { comparisonSentence } from './comparison-finding.js';
import { comparisonTables, figureDifference, figureText } from './comparison-tables.js';
import { comparisonTimeline } from './comparison-timeline.js';
import type { LayerPicture } from './layer/picture.js';
import type { PageData, RankBars, SummaryFigure } from './page-data.js';
import { steadyLayer } from './layer/steady-layer.js';
import { signedPercentText } from './units.js';

/** Ranks of a side up to which bars of each are shown. */
const MOST_BARS = 16;

/** What the two sides were read from; null for a report, or an analysis that was saved. */
export interface ComparedSets {
  readonly a: AnalysedSet | null;
  readonly b: AnalysedSet | null;
}

/** @returns what a side is, in a line: `captured trace: 1 rank of 64, 4 layers on NVIDIA H800`. */
export function sideTitle(side: SideHeadline): string {
  const { layers, gpu, rank, ranks, worldSize } = side;
  const which = ranks === 1 && rank !== null && worldSize !== 1 ? ` (rank ${rank})` : '';
  return `${titleOf(side)}${which}, ${layers} ${layers === 1 ? 'layer' : 'layers'}${gpu === null ? '' : ` on ${gpu}`}`;
}

/** Pictures of one layer of each side that has one, named A and B. */
export function comparisonLayers({ a, b }: ComparedSets): LayerPicture[] {
  return [a, b].flatMap((side, index) => {
    const picture = side === null ? null : steadyLayer(side, side.ranks[0]);
    return picture === null ? [] : [{ ...picture, title: `${index === 0 ? 'A' : 'B'} · ${picture.title}` }];
  });
}

/** Figures that have a tile, and whether of the steady layers where both have them. */
const TILES: readonly (readonly [name: string, steady: boolean])[] = [
  ['layer', true],
  ['span', false],
  ['computation', false],
  ['communication', false],
  ['overlap', false],
  ['exposed communication', false],
  ['idle', false],
  ['overlap gain of a rank', false],
];

function tile(figure: FigureComparison): SummaryFigure {
  const pct = figure.differencePct === null ? '' : ` (${signedPercentText(figure.differencePct)})`;
  return {
    label: `${figure.window === 'steady' ? 'steady ' : ''}${figure.name}`,
    // Figures break at the arrow, not before their units.
    value: [figure.a, figure.b].map((value) => figureText(figure, value).replaceAll(' ', '\u00a0')).join(' → '),
    note: `${figureDifference(figure)}${pct}`,
  };
}

function tiles({ figures }: Comparison): SummaryFigure[] {
  return TILES.flatMap(([name, steady]) => {
    const found = figures.filter((figure) => figure.name === name);
    const figure = (steady ? found.find(({ window }) => window === 'steady') : undefined) ?? found.at(0);
    return figure === undefined ? [] : [tile(figure)];
  });
}

function bars({ a, b }: ComparedSets): RankBars[] {
  if (a === null || b === null || Math.max(a.analysis.ranks, b.analysis.ranks) > MOST_BARS) return [];
  return [...rankBars(a.analysis, 'A '), ...rankBars(b.analysis, 'B ')];
}

/** Puts a comparison on a page. @param problems sentences of what was wrong with the inputs. */
export function comparisonPage(
  comparison: Comparison,
  sets: ComparedSets,
  problems: readonly string[],
  epemuVersion: string,
): PageData {
  const { a, b, notes } = comparison;
  return {
    kind: 'comparison',
    title: `${titleOf(a)} against ${titleOf(b)}`,
    subtitle: `A: ${a.path}, ${sideTitle(a)}; B: ${b.path}, ${sideTitle(b)}. ${notes.join(' ')}`.trim(),
    warnings: problems,
    finding: comparisonSentence(comparison),
    figures: tiles(comparison),
    layers: comparisonLayers(sets),
    timeline: sets.a === null || sets.b === null ? null : comparisonTimeline(sets.a, sets.b),
    ranks: bars(sets),
    matrix: null,
    tables: comparisonTables(comparison),
    configuration: null,
    statement: sets.b?.set.facts.statement ?? sets.a?.set.facts.statement ?? null,
    epemuVersion,
  };
}
