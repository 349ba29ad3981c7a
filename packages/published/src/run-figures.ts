import type { FigureReport, KernelFigure } from '@epemu/analysis';
import type { RunMeasure } from './schema.js';

/** What a run found out: figures of its timelines, and the throughput that follows from them for the whole model. */
export interface RunFigures {
  readonly figures: FigureReport;
  /** Null where the run did not finish. */
  readonly throughput: {
    readonly tokensPerSecondPerGpu: number;
    readonly tokensPerSecondPerNode: number;
    readonly tpotMs?: number;
  } | null;
}

type Emulated = number | string | undefined;

function mean(values: readonly number[]): number | undefined {
  return values.length === 0 ? undefined : values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** Mean time of one launch over several kernels, µs. */
function launchUs(kernels: readonly KernelFigure[]): number | undefined {
  const launches = kernels.reduce((sum, { count }) => sum + count, 0);
  if (launches === 0) return undefined;
  return kernels.reduce((sum, { count, meanUs }) => sum + count * meanUs, 0) / launches;
}

function ofCategory({ kernels }: FigureReport, category: string): KernelFigure[] {
  return kernels.filter((kernel) => kernel.category === category);
}

function ratioOf(part: number | undefined, whole: number | undefined): number | undefined {
  return part === undefined || whole === undefined || whole === 0 ? undefined : part / whole;
}

/** The one value that all have, else all of them as a text: then they are not what was published. */
function oneOf(values: readonly (number | string | null)[]): Emulated {
  const distinct = [...new Set(values)];
  if (distinct.length === 0) return undefined;
  return distinct.length === 1 && distinct[0] !== null ? distinct[0] : distinct.map(String).join(' | ');
}

const DAY_SECONDS = 86_400;
const TRAINING_GPUS = 2048;

/** Figures of a run by name; means over ranks unless said otherwise. */
const FIGURES: Readonly<Record<string, (run: RunFigures, measure: RunMeasure) => Emulated>> = {
  span: ({ figures }) => figures.timeline.rankSpanUs,
  cellMin: ({ figures }) => figures.timeline.layerUs.min,
  cellMax: ({ figures }) => figures.timeline.layerUs.max,
  commBusy: ({ figures }) => figures.timeline.commBusyPct,
  computeBusy: ({ figures }) => figures.timeline.computeBusyPct,
  overlap: ({ figures }) => figures.timeline.overlapPct,
  steadyOverlap: ({ figures }) => figures.steady.overlapPct,
  idle: ({ figures }) => figures.timeline.idlePct,
  exposed: ({ figures }) => figures.timeline.exposedCommPct,
  notifyShare: ({ figures }) => figures.notifyPctOfComm,
  serialOverSpan: ({ figures: { timeline } }) => ratioOf(timeline.serialUs, timeline.rankSpanUs),
  phase: ({ figures }, { phase }) => figures.phases.find(({ name }) => name === phase)?.meanUs,
  transfer: ({ figures }, { phase }) =>
    launchUs(figures.kernels.filter((kernel) => kernel.phase === phase && kernel.role === 'transfer')),
  /** A kernel by its label, over all phases that have it. */
  kernel: ({ figures }, { label }) => launchUs(figures.kernels.filter((kernel) => kernel.label === label)),
  kernelsOfPhase: ({ figures }, { phase }) => {
    const launches = figures.kernels.filter((kernel) => kernel.phase === phase);
    const total = launches.reduce((sum, { count }) => sum + count, 0);
    return ratioOf(total, figures.phases.find(({ name }) => name === phase)?.count);
  },
  attentionRatio: ({ figures }) =>
    ratioOf(launchUs(ofCategory(figures, 'attention backward')), launchUs(ofCategory(figures, 'attention forward'))),
  ctas: ({ figures }, { categories = [] }) =>
    oneOf(categories.flatMap((category) => ofCategory(figures, category).map(({ ctas }) => ctas))),
  order: ({ figures }, { stream }) =>
    oneOf(figures.phaseOrders.filter((order) => order.stream === stream).map(({ phases }) => phases.join(' '))),
  expertRowsMin: ({ figures }) => mean(figures.ranksSummary.map(({ expertRowsOfDispatch: { min } }) => min)),
  expertRowsMean: ({ figures }) =>
    mean(figures.ranksSummary.map(({ expertRowsOfDispatch }) => expertRowsOfDispatch.mean)),
  expertRowsMax: ({ figures }) => mean(figures.ranksSummary.map(({ expertRowsOfDispatch: { max } }) => max)),
  layer: ({ figures }) => figures.steady.layerUs.mean,
  tpot: ({ throughput }) => throughput?.tpotMs,
  tokensPerSecondPerNode: ({ throughput }) => throughput?.tokensPerSecondPerNode,
  /** Of 2048 GPUs, in 10⁹. */
  tokensPerDayB: ({ throughput }) =>
    throughput === null ? undefined : (throughput.tokensPerSecondPerGpu * DAY_SECONDS * TRAINING_GPUS) / 1e9,
  gpuHoursPerTrillion: ({ throughput }) =>
    throughput === null ? undefined : 1e12 / throughput.tokensPerSecondPerGpu / 3600,
};

/** @returns the names of the figures that a run has. */
export function runFigureNames(): string[] {
  return Object.keys(FIGURES);
}

/** @returns the emulated figure that a measure names; undefined where the run has none of it. */
export function runFigure(run: RunFigures, measure: RunMeasure): number | string | undefined {
  return Object.hasOwn(FIGURES, measure.figure) ? FIGURES[measure.figure](run, measure) : undefined;
}
