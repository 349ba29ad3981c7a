import { rounded } from '@epemu/core';
import type { OverlapSummary } from '../figures/figure-report.js';
import type { Basis } from './decomposition.js';
import type { ComparedSide } from './side.js';

/** A figure of both sides; `%` differs in points, so that its difference has no percentage of its own. */
export interface FigureComparison {
  readonly name: string;
  /** Over which time it is taken. */
  readonly window: 'whole' | 'steady';
  readonly unit: 'µs' | '%' | 'layers' | '';
  readonly a: number;
  readonly b: number;
  /** B − A. */
  readonly difference: number;
  /** Of A; null where A is 0, and of shares. */
  readonly differencePct: number | null;
}

type Definition = readonly [name: string, unit: FigureComparison['unit'], pick: (summary: OverlapSummary) => number];

const LAYER: Definition = ['layer', 'µs', ({ layerUs }) => layerUs.mean];
/** Sums, which grow with the number of layers. */
const SUMS: readonly Definition[] = [
  ['computation', 'µs', ({ computeUs }) => computeUs],
  ['communication', 'µs', ({ commUs }) => commUs],
  ['exposed communication', 'µs', ({ exposedCommUs }) => exposedCommUs],
  ['idle time', 'µs', ({ idleUs }) => idleUs],
];
const SHARES: readonly Definition[] = [
  ['overlap', '%', ({ overlapPct }) => overlapPct],
  ['computation busy', '%', ({ computeBusyPct }) => computeBusyPct],
  ['communication busy', '%', ({ commBusyPct }) => commBusyPct],
  ['exposed', '%', ({ exposedCommPct }) => exposedCommPct],
  ['idle', '%', ({ idlePct }) => idlePct],
];
/** Of the ranks' own span, as their serial time is. */
const GAIN: Definition = [
  'overlap gain of a rank',
  '',
  ({ serialUs, rankSpanUs }) => (rankSpanUs === 0 ? 0 : rounded(serialUs / rankSpanUs)),
];
const SPAN: Definition = ['span', 'µs', ({ rankSpanUs }) => rankSpanUs];
const SPAN_OF_ALL: Definition = ['span of all ranks', 'µs', ({ spanUs }) => spanUs];

/** @returns a difference as a share of a whole that is not 0; never −0. */
export function percentOf(difference: number, whole: number): number {
  const pct = rounded((100 * difference) / whole);
  return pct === 0 ? 0 : pct;
}

/** @returns what B has more than A, and that as a share of A; differences are to the figures' own precision. */
export function compared(a: number, b: number): { readonly difference: number; readonly differencePct: number | null } {
  // −0 is no figure.
  const difference = rounded(b) - rounded(a);
  return {
    difference: difference === 0 ? 0 : rounded(difference),
    differencePct: a === 0 ? null : percentOf(difference, a),
  };
}

function figure(
  [name, unit, pick]: Definition,
  window: FigureComparison['window'],
  a: OverlapSummary,
  b: OverlapSummary,
): FigureComparison {
  const [of, beside] = [pick(a), pick(b)];
  const { difference, differencePct } = compared(of, beside);
  return { name, window, unit, a: of, b: beside, difference, differencePct: unit === '%' ? null : differencePct };
}

/** Figures of the whole of both, then of their steady layers where both have them. None of layers where these are not compared. */
export function figuresOf(a: ComparedSide, b: ComparedSide, { transfers, unit }: Basis): FigureComparison[] {
  const of = (summary: ComparedSide['timeline']): OverlapSummary => (transfers ? summary : summary.kernelsOnly);
  // One rank of many does not tell when the others start and end.
  const several = a.ranks > 1 && b.ranks > 1;
  const layer = unit === 'layer' ? [LAYER] : [];
  const whole = [SPAN, ...(several ? [SPAN_OF_ALL] : []), ...layer, ...SUMS, ...SHARES, GAIN].map((definition) =>
    figure(definition, 'whole', of(a.timeline), of(b.timeline)),
  );
  const layers: FigureComparison = {
    ...{ name: 'layers', window: 'whole', unit: 'layers', a: a.layers, b: b.layers },
    ...compared(a.layers, b.layers),
  };
  if (unit === 'span' || a.steady === null || b.steady === null) return [...whole, layers];
  const [steadyA, steadyB] = [of(a.steady), of(b.steady)];
  const steady = [LAYER, ...SHARES, GAIN].map((definition) => figure(definition, 'steady', steadyA, steadyB));
  return [...whole, layers, ...steady];
}
