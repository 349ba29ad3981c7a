import { rounded } from '@epemu/core';
import type { OverlapSummary } from '../figures/figure-report.js';
import type { Basis } from './decomposition.js';
import type { ComparedSide } from './side.js';

/** A figure of both sides; `%` differs in points, so that its difference has no percentage of its own. */
export interface FigureComparison {
  readonly name: string;
  /** Over which time it is taken. */
  readonly window: 'whole' | 'steady' | 'model';
  readonly unit: 'µs' | '%' | 'layers' | 'tokens/s' | '';
  /** Which is better; null where neither is. */
  readonly better: 'less' | 'more' | null;
  readonly a: number;
  readonly b: number;
  /** B − A. */
  readonly difference: number;
  /** Of A; null where A is 0, and of shares. */
  readonly differencePct: number | null;
}

/** What is better less, and more, by name; of the others neither. */
const BETTER: Readonly<Record<string, 'less' | 'more'>> = {
  ...{ span: 'less', 'span of all ranks': 'less', layer: 'less', step: 'less', TPOT: 'less' },
  ...{ 'exposed communication': 'less', exposed: 'less', 'idle time': 'less', idle: 'less' },
  ...{ overlap: 'more', 'overlap gain of a rank': 'more', 'tokens/s a GPU': 'more' },
};

function betterOf(name: string): FigureComparison['better'] {
  return Object.hasOwn(BETTER, name) ? BETTER[name] : null;
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
  return {
    name,
    window,
    unit,
    better: betterOf(name),
    a: of,
    b: beside,
    difference,
    differencePct: unit === '%' ? null : differencePct,
  };
}

/** A step of the whole model, and what follows from it, where both sides tell. */
function throughputs({ throughput: a }: ComparedSide, { throughput: b }: ComparedSide): FigureComparison[] {
  if (a === null || b === null) return [];
  const row = (name: string, unit: FigureComparison['unit'], of: number, beside: number): FigureComparison => {
    return { name, window: 'model', unit, better: betterOf(name), a: of, b: beside, ...compared(of, beside) };
  };
  const times =
    a.tpotMs === undefined || b.tpotMs === undefined ? [] : [row('TPOT', 'µs', a.tpotMs * 1e3, b.tpotMs * 1e3)];
  return [
    row('step', 'µs', a.stepMs * 1e3, b.stepMs * 1e3),
    ...times,
    row('tokens/s a GPU', 'tokens/s', a.tokensPerSecondPerGpu, b.tokensPerSecondPerGpu),
  ];
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
    ...{ name: 'layers', window: 'whole', unit: 'layers', better: null, a: a.layers, b: b.layers },
    ...compared(a.layers, b.layers),
  };
  const model = throughputs(a, b);
  if (unit === 'span' || a.steady === null || b.steady === null) return [...whole, layers, ...model];
  const [steadyA, steadyB] = [of(a.steady), of(b.steady)];
  const steady = [LAYER, ...SHARES, GAIN].map((definition) => figure(definition, 'steady', steadyA, steadyB));
  // What is asked first comes first.
  return [...steady, ...model, ...whole, layers];
}
