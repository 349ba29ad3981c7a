import type { Operation } from '@epemu/schedule';
import type { PhaseInstance, RankTimeline, TimeWindow } from '@epemu/timeline';

import type { FlowKernels } from './flows.js';
import type { LaunchedPhase } from './launch-order.js';

/** First and last of what is kept. */
interface Bounds {
  readonly first: number;
  readonly last: number;
}

/** What of a run its merged trace holds; everything where a field is left out. */
export interface TraceWindow {
  /** As it was given. */
  readonly text: string;
  readonly layers?: Bounds;
  readonly steps?: Bounds;
  readonly ranks?: Bounds;
  /** Virtual time. */
  readonly fromNs?: number;
  readonly toNs?: number;
}

function within(bounds: Bounds | undefined, value: number): boolean {
  return bounds === undefined || (bounds.first <= value && value <= bounds.last);
}

/**
 * Cuts a merged trace to a window. A phase of a rank is kept whole or left out: where a time cuts through it, it is kept.
 */
export class TraceCut {
  readonly window: TraceWindow;
  /** Operations that some rank of the window has outside of its times: the other ends of their flows may be missing. */
  readonly #partial = new Set<number>();

  constructor(window: TraceWindow = { text: '' }) {
    this.window = window;
  }

  /** Whether anything may be cut. */
  get cuts(): boolean {
    return this.window.text !== '';
  }

  /** Whether all ranks must be noted before the first is added. */
  get isTimed(): boolean {
    return this.window.fromNs !== undefined || this.window.toNs !== undefined;
  }

  hasRank(rank: number): boolean {
    return within(this.window.ranks, rank);
  }

  /** @returns a rank's place among those that are kept. */
  place(rank: number): number {
    return rank - (this.window.ranks?.first ?? 0);
  }

  /** @param ranks of the run. @returns how many of them are kept. */
  rankCount(ranks: number): number {
    const { first, last } = this.window.ranks ?? { first: 0, last: ranks - 1 };
    return Math.min(last, ranks - 1) - first + 1;
  }

  /** Whether an operation and a time of it are kept. */
  has({ layer, step }: Pick<Operation, 'layer' | 'step'>, { startNs, endNs }: TimeWindow): boolean {
    return this.#hasOperation({ layer, step }) && this.#touches(startNs, endNs);
  }

  /** Looks at where a rank's operations lie, of a window that {@link isTimed}. */
  note({ rank, events }: RankTimeline): void {
    if (!this.hasRank(rank)) return;
    const [operation, start, end] = [events.column('operation'), events.column('startNs'), events.column('endNs')];
    const spans = new Map<number, { startNs: number; endNs: number }>();
    for (let row = 0; row < events.count; row++) {
      const span = spans.get(operation[row]);
      if (span === undefined) spans.set(operation[row], { startNs: start[row], endNs: end[row] });
      else {
        span.startNs = Math.min(span.startNs, start[row]);
        span.endNs = Math.max(span.endNs, end[row]);
      }
    }
    for (const [id, { startNs, endNs }] of spans) if (!this.#touches(startNs, endNs)) this.#partial.add(id);
  }

  /** @returns whether the kernels are kept, on each rank of the window, that flows of an operation leave from and come to. */
  drawsFlows(id: number, { senders, receivers }: FlowKernels, operations: readonly Operation[]): boolean {
    return [senders.get(id), receivers.get(id)].every(
      (end) =>
        end === undefined || (this.#hasOperation(operations[end.operation]) && !this.#partial.has(end.operation)),
    );
  }

  /** @returns the virtual time that a rank's tracks show; undefined for all there is. */
  span(phases: readonly LaunchedPhase[]): TimeWindow | undefined {
    if (!this.cuts) return undefined;
    const { layers, steps, fromNs = 0, toNs = Number.MAX_SAFE_INTEGER } = this.window;
    if (layers === undefined && steps === undefined) return { startNs: fromNs, endNs: toNs };
    const bounds = (of: (instance: PhaseInstance) => number): number[] => phases.map(({ instance }) => of(instance));
    const startNs = bounds((instance) => instance.startNs).reduce((a, b) => Math.min(a, b), toNs);
    const endNs = bounds((instance) => instance.endNs).reduce((a, b) => Math.max(a, b), fromNs);
    return { startNs: Math.max(startNs, fromNs), endNs: Math.min(endNs, toNs) };
  }

  #hasOperation({ layer, step }: Pick<Operation, 'layer' | 'step'>): boolean {
    return within(this.window.layers, layer) && within(this.window.steps, step);
  }

  #touches(startNs: number, endNs: number): boolean {
    const { fromNs = Number.NEGATIVE_INFINITY, toNs = Number.POSITIVE_INFINITY } = this.window;
    return startNs < toNs && endNs > fromNs;
  }
}
