import { largest, mean, microseconds, ratio, rounded, smallest } from '@epemu/core';
import { viewOfTimeline } from '@epemu/timeline';
import type { PhaseInstance, ProgramFacts, RankTimeline } from '@epemu/timeline';
import { DispatchRowsAccumulator } from './dispatch-rows.js';
import { exposedPiece } from './exposed.js';
import type { FigureReport, RankSummary } from './figure-report.js';
import { KernelAccumulator, notifyPctOfComm } from './kernel-figures.js';
import { PhaseOrders } from './phase-orders.js';
import type { RankFigures } from './rank-figures.js';
import { RanksSummary } from './ranks-summary.js';
import { ProgramSteps } from './program-steps.js';

/** What a run's figures are of. */
export interface RunShape {
  readonly facts: ProgramFacts;
  readonly ranks: number;
  /** Routed experts of a layer over all ranks (redundant replicas included). */
  readonly experts: number;
  /** GPUs of a node; absent: all ranks are on one. */
  readonly nodeSize?: number;
}

/**
 * Builds a report's figures from the timelines of all ranks, one after the other; keeps sums and a few numbers a rank,
 * not the timelines. Ranks may come in any order.
 */
export class RunFigures {
  readonly #shape: RunShape;
  readonly #summary: RanksSummary;
  readonly #ranks: RankSummary[] = [];
  readonly #rows: DispatchRowsAccumulator;
  readonly #kernels: KernelAccumulator;
  readonly #orders: PhaseOrders;
  readonly #steps: ProgramSteps;
  #layers: readonly PhaseInstance[] = [];
  /** Rank 0 by itself; undefined within itself, and until it comes. */
  #rankZero: RunFigures | undefined;
  readonly #keepsRankZero: boolean;

  /** @param besides whether figures of rank 0 by itself are kept beside those of all. */
  constructor(shape: RunShape, besides: 'rank 0' | 'nothing' = 'rank 0') {
    const { facts, experts, nodeSize = shape.ranks } = shape;
    const { operations, layerMarker } = facts.program;
    this.#shape = shape;
    this.#summary = new RanksSummary(layerMarker);
    this.#rows = new DispatchRowsAccumulator(experts, nodeSize);
    const launched = operations.flatMap(({ id, phase, kernels }) =>
      kernels.map(({ kernel }) => ({ phase, kernel: facts.identity(id, kernel) })),
    );
    this.#kernels = new KernelAccumulator(facts.identities, launched);
    this.#steps = new ProgramSteps(facts);
    this.#orders = new PhaseOrders(({ operation }) => facts.operation(operation!).row);
    this.#keepsRankZero = besides === 'rank 0';
  }

  /** How many ranks were added. */
  get ranks(): number {
    return this.#ranks.length;
  }

  /** The sums that these figures share with an analysis of the same ranks. */
  get summary(): RanksSummary {
    return this.#summary;
  }

  /**
   * Takes a rank's timeline into the sums.
   *
   * @param view of the timeline.
   * @returns the rank's own figures.
   */
  add(timeline: RankTimeline, view = viewOfTimeline(timeline, this.#shape.facts, this.#shape.ranks)): RankFigures {
    const figures = this.#summary.add(view);
    this.#ranks.push(rankSummary(timeline, figures));
    this.#rows.add(timeline.rank, timeline.receipts);
    this.#kernels.add(view);
    this.#orders.add(view);
    this.#steps.add(view, figures);
    if (this.#layers.length < figures.layers.length) this.#layers = figures.layers;
    if (timeline.rank !== 0 || !this.#keepsRankZero) return figures;
    this.#rankZero = new RunFigures(this.#shape, 'nothing');
    this.#rankZero.add(timeline, view);
    return figures;
  }

  /** @returns the figures of all ranks added so far. */
  result(): FigureReport {
    const { timeline, exposed } = this.#summary;
    const kernels = this.#kernels.result();
    const whole = timeline.whole();
    return {
      timeline: whole,
      // With fewer layers than have a steady state, all of it is what there is.
      steady: timeline.steady() ?? whole,
      phases: this.#summary.phases(),
      kernels,
      notifyPctOfComm: notifyPctOfComm(kernels),
      phaseOrders: this.#orders.result(),
      ranksSummary: [...this.#ranks].sort((a, b) => a.rank - b.rank),
      imbalance: this.#rows.imbalance(),
      layerTimes: timeline.layerTimesNs().map((ns, index) => {
        const { layer, dense } = this.#shape.facts.operation(this.#layers[index].operation!);
        return { layer, dense, us: microseconds(ns) };
      }),
      steps: this.#steps.result(),
      largestExposed: exposed.longest === undefined ? null : exposedPiece(exposed.longest),
      rankZero: this.#rankZero?.result() ?? null,
    };
  }
}

function rankSummary({ rank, receipts }: RankTimeline, { whole: { full } }: RankFigures): RankSummary {
  const rows = receipts.column('expertRows');
  return {
    rank,
    spanUs: microseconds(full.spanNs),
    computeBusyPct: rounded(100 * ratio(full.computeNs, full.spanNs)),
    exposedCommPct: rounded(100 * ratio(full.exposedNs, full.spanNs)),
    receivedTokens: receipts.column('receivedTokens').reduce((sum, value) => sum + value, 0),
    expertRows: rows.reduce((sum, value) => sum + value, 0),
    expertRowsOfDispatch: {
      mean: rounded(mean([...rows])),
      min: rows.length === 0 ? 0 : smallest(rows),
      max: rows.length === 0 ? 0 : largest(rows),
    },
  };
}
