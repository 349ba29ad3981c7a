import type { Operation, Program } from '@epemu/schedule';
import { mean, microseconds, ratio, rounded, summarise } from './figures-summary.js';
import type { ExposedPiece, FigureReport, LayerImbalance, RankSummary, TimelineSummary } from './figures-summary.js';
import { Coverage, lengthOf, mergeIntervals, subtract, unite } from './intervals.js';
import { KernelAccumulator, notifyPctOfComm } from './kernel-figures.js';
import { PhaseOrders } from './phase-orders.js';
import { PhaseSums } from './phase-sums.js';
import { RankView, communicationStreams, largest, operationsById, smallest } from './rank-view.js';
import type { OverlapFigures } from './overlap-figures.js';
import type { RankTimeline } from './record.js';

export type * from './figures-summary.js';
export type { PhaseOrder } from './phase-orders.js';
export { rankFigures } from './rank-view.js';
export type { RankFigures } from './rank-view.js';

const LEAST_LAYERS_FOR_STEADY = 4;

/** Figures of each rank added, with background transfers and without. */
interface FiguresOfRanks {
  readonly full: OverlapFigures[];
  readonly kernelsOnly: OverlapFigures[];
}

/** Expert rows of one dispatch, summed over the ranks added so far. */
interface DispatchRows {
  readonly layer: number;
  ranks: number;
  rows: number;
  rankMax: number;
  expertMax: number;
}

/**
 * Builds a report's figures from the timelines of all ranks, one after the other; keeps sums and a few numbers a rank,
 * not the timelines. Ranks may come in any order.
 */
export class FigureAccumulator {
  readonly #program: Program;
  readonly #operations: ReadonlyMap<number, Operation>;
  readonly #experts: number;
  readonly #whole: FiguresOfRanks = { full: [], kernelsOnly: [] };
  readonly #steady: FiguresOfRanks = { full: [], kernelsOnly: [] };
  /** Layer times, ns, per rank: with background transfers, and by kernels only (only the last layer's end differs). */
  readonly #layers = { full: [] as number[][], kernelsOnly: [] as number[][] };
  #markers: readonly Operation[] = [];
  readonly #phases = new PhaseSums();
  readonly #communicationStreams: ReadonlySet<number>;
  readonly #ranks: RankSummary[] = [];
  readonly #dispatches = new Map<string, DispatchRows>();
  readonly #kernels: KernelAccumulator;
  readonly #orders = new PhaseOrders();
  /** Rank 0 by itself; undefined within itself. */
  readonly #rankZero: FigureAccumulator | undefined;
  #hasRankZero = false;
  #largest: (ExposedPiece & { readonly ns: number; readonly startNs: number }) | undefined;

  /**
   * @param experts routed experts of a layer over all ranks (redundant replicas included).
   * @param besides whether figures of rank 0 by itself are kept beside those of all.
   */
  constructor(program: Program, experts: number, besides: 'rank 0' | 'nothing' = 'rank 0') {
    this.#program = program;
    this.#operations = operationsById(program);
    this.#communicationStreams = communicationStreams(program);
    this.#experts = experts;
    this.#kernels = new KernelAccumulator(program);
    this.#rankZero = besides === 'rank 0' ? new FigureAccumulator(program, experts, 'nothing') : undefined;
  }

  /** Takes a rank's timeline into the sums. */
  add(timeline: RankTimeline): void {
    const view = new RankView(timeline, this.#program, this.#operations);
    const full = view.figures(true);
    const kernelsOnly = view.figures(false);
    this.#whole.full.push(full);
    this.#whole.kernelsOnly.push(kernelsOnly);
    this.#addLayers(view, full, kernelsOnly);
    this.#addPhases(view);
    this.#addReceipts(timeline, full);
    this.#addExposed(view);
    this.#kernels.add(timeline);
    this.#orders.add(view.instances);
    if (timeline.rank !== 0) return;
    this.#rankZero?.add(timeline);
    this.#hasRankZero = true;
  }

  #addLayers(view: RankView, full: OverlapFigures, kernelsOnly: OverlapFigures): void {
    const markers = view.layerStarts();
    this.#markers = markers.map(({ operation }) => operation);
    const times = (lastEndNs: number): number[] =>
      markers.map(({ startNs }, i) => (i + 1 < markers.length ? markers[i + 1].startNs : lastEndNs) - startNs);
    this.#layers.full.push(times(full.endNs));
    this.#layers.kernelsOnly.push(times(kernelsOnly.endNs));
    const cut = markers.length >= LEAST_LAYERS_FOR_STEADY;
    const window = cut ? { startNs: markers[1].startNs, endNs: markers[markers.length - 1].startNs } : undefined;
    this.#steady.full.push(view.figures(true, window));
    this.#steady.kernelsOnly.push(view.figures(false, window));
  }

  #addPhases(view: RankView): void {
    const { events, windows } = view.timeline;
    const [kernel, starts, ends] = [events.column('kernel'), events.column('startNs'), events.column('endNs')];
    const compute = new Coverage(view.compute);
    for (const { operation, events: rows, startNs, endNs } of view.instances) {
      const busy = mergeIntervals(
        rows.map((row) => starts[row]),
        rows.map((row) => ends[row]),
      );
      let exposedNs = 0;
      for (const row of rows) {
        if (this.#program.kernels[kernel[row]].class === 'compute') continue;
        exposedNs += ends[row] - starts[row] - compute.within(starts[row], ends[row]);
      }
      const times = { wallNs: endNs - startNs, busyNs: lengthOf(busy), exposedNs };
      const { phase: name, stream } = operation;
      const kind = this.#communicationStreams.has(stream) ? 'communication' : 'computation';
      this.#phases.add({ name, stream, kind }, times);
    }
    const windowEnds = windows.column('endNs');
    const issues = windows.column('operation');
    windows.column('startNs').forEach((startNs, row) => {
      const wallNs = windowEnds[row] - startNs;
      const name = transferName(view.operation(issues[row]));
      const exposedNs = wallNs - compute.within(startNs, windowEnds[row]);
      this.#phases.add({ name, stream: null, kind: 'network' }, { wallNs, busyNs: wallNs, exposedNs });
    });
  }

  #addReceipts(timeline: RankTimeline, figures: OverlapFigures): void {
    const { receipts } = timeline;
    const [layer, microBatch] = [receipts.column('layer'), receipts.column('microBatch')];
    const [rows, expertMax] = [receipts.column('expertRows'), receipts.column('expertRowsMax')];
    const seen = new Map<string, number>();
    for (let row = 0; row < receipts.count; row++) {
      // A layer and micro-batch may dispatch more than once; only the same call of all ranks belongs together.
      const call = `${layer[row]} ${microBatch[row]}`;
      const turn = seen.get(call) ?? 0;
      seen.set(call, turn + 1);
      const key = `${call} ${turn}`;
      let dispatch = this.#dispatches.get(key);
      if (dispatch === undefined) {
        dispatch = { layer: layer[row], ranks: 0, rows: 0, rankMax: 0, expertMax: 0 };
        this.#dispatches.set(key, dispatch);
      }
      dispatch.ranks++;
      dispatch.rows += rows[row];
      dispatch.rankMax = Math.max(dispatch.rankMax, rows[row]);
      dispatch.expertMax = Math.max(dispatch.expertMax, expertMax[row]);
    }
    this.#ranks.push({
      rank: timeline.rank,
      spanUs: microseconds(figures.spanNs),
      computeBusyPct: rounded(100 * ratio(figures.computeNs, figures.spanNs)),
      exposedCommPct: rounded(100 * ratio(figures.exposedNs, figures.spanNs)),
      receivedTokens: receipts.column('receivedTokens').reduce((sum, value) => sum + value, 0),
      expertRows: rows.reduce((sum, value) => sum + value, 0),
      expertRowsOfDispatch: {
        mean: rounded(mean([...rows])),
        min: rows.length === 0 ? 0 : smallest(rows),
        max: rows.length === 0 ? 0 : largest(rows),
      },
    });
  }

  #addExposed(view: RankView): void {
    const exposed = subtract(unite(view.kernelComm, view.windows), view.compute);
    const { rank } = view.timeline;
    for (let i = 0; i < exposed.starts.length; i++) {
      const [startNs, ns] = [exposed.starts[i], exposed.ends[i] - exposed.starts[i]];
      const best = this.#largest;
      // Ties go to the lower rank, then to the earlier piece, so that the order of ranks does not matter.
      const beaten = best === undefined || ns > best.ns || (ns === best.ns && rank < best.rank);
      if (!beaten) continue;
      const [startUs, us] = [microseconds(startNs), microseconds(ns)];
      this.#largest = { rank, startNs, ns, startUs, us, ...this.#explain(view, startNs, startNs + ns) };
    }
  }

  /** What communication fills most of an exposed piece, and what compute comes after it. */
  #explain(view: RankView, startNs: number, endNs: number): Pick<ExposedPiece, 'phase' | 'waitsFor' | 'blocked'> {
    const { events, windows } = view.timeline;
    let most = 0;
    let found: Pick<ExposedPiece, 'phase' | 'waitsFor'> = { phase: '', waitsFor: 'kernel' };
    const offer = (from: number, to: number, make: () => typeof found): void => {
      const shared = Math.min(to, endNs) - Math.max(from, startNs);
      if (shared > most) [most, found] = [shared, make()];
    };
    const [kernel, starts, ends] = [events.column('kernel'), events.column('startNs'), events.column('endNs')];
    const ids = events.column('operation');
    let blocked: string | null = null;
    let nextNs = Number.POSITIVE_INFINITY;
    for (let row = 0; row < events.count; row++) {
      const operation = view.operation(ids[row]);
      if (this.#program.kernels[kernel[row]].class === 'compute') {
        if (starts[row] >= endNs && starts[row] < nextNs) [nextNs, blocked] = [starts[row], operation.phase];
        continue;
      }
      offer(starts[row], ends[row], () => {
        const role = operation.kernels.find((use) => use.kernel === kernel[row])?.role;
        return { phase: operation.phase, waitsFor: role ?? 'kernel' };
      });
    }
    const windowEnds = windows.column('endNs');
    const issues = windows.column('operation');
    windows.column('startNs').forEach((from, row) => {
      const phase = transferName(view.operation(issues[row]));
      offer(from, windowEnds[row], () => ({ phase, waitsFor: 'transfer' }));
    });
    return { ...found, blocked };
  }

  /** @returns the figures of all ranks added so far. */
  result(): FigureReport {
    const summary = (from: FiguresOfRanks, first: number, last: number): TimelineSummary => ({
      ...summarise(from.full, this.#meanLayers('full').slice(first, last)),
      kernelsOnly: summarise(from.kernelsOnly, this.#meanLayers('kernelsOnly').slice(first, last)),
    });
    const layers = this.#markers.length;
    const cut = layers >= LEAST_LAYERS_FOR_STEADY ? 1 : 0;
    const times = this.#meanLayers('full');
    const kernels = this.#kernels.result();
    return {
      timeline: summary(this.#whole, 0, layers),
      steady: summary(this.#steady, cut, layers - cut),
      phases: this.#phases.result(this.#ranks.length),
      kernels,
      notifyPctOfComm: notifyPctOfComm(kernels),
      phaseOrders: this.#orders.result(),
      ranksSummary: [...this.#ranks].sort((a, b) => a.rank - b.rank),
      imbalance: this.#imbalance(),
      layerTimes: this.#markers.map(({ layer, dense }, i) => ({ layer, dense, us: microseconds(times[i]) })),
      largestExposed: this.#largestExposed(),
      rankZero: this.#hasRankZero ? (this.#rankZero?.result() ?? null) : null,
    };
  }

  /** Mean over ranks of each layer's time, ns. */
  #meanLayers(kind: 'full' | 'kernelsOnly'): number[] {
    return this.#markers.map((_, layer) => mean(this.#layers[kind].map((times) => times[layer])));
  }

  #imbalance(): LayerImbalance[] {
    const layers = new Map<number, DispatchRows[]>();
    for (const dispatch of this.#dispatches.values()) {
      if (dispatch.rows === 0) continue;
      layers.set(dispatch.layer, [...(layers.get(dispatch.layer) ?? []), dispatch]);
    }
    return [...layers]
      .sort(([a], [b]) => a - b)
      .map(([layer, dispatches]) => ({
        layer,
        rankMaxOverMean: rounded(mean(dispatches.map(({ rankMax, rows, ranks }) => rankMax / (rows / ranks)))),
        expertMaxOverMean: rounded(mean(dispatches.map(({ expertMax, rows }) => expertMax / (rows / this.#experts)))),
      }));
  }

  #largestExposed(): ExposedPiece | null {
    if (this.#largest === undefined) return null;
    const { rank, phase, startUs, us, waitsFor, blocked } = this.#largest;
    return { rank, phase, startUs, us, waitsFor, blocked };
  }
}

/** A background transfer's own name: that of its issue without the word. */
export function transferName(issue: Operation): string {
  return issue.phase.startsWith('issue ') ? issue.phase.slice('issue '.length) : `${issue.phase} transfer`;
}
