import { lowerBound } from '@epemu/core';
import { subtract } from '@epemu/timeline';
import type { CollectiveRole } from '../kernel-role.js';
import type { TraceView } from './trace-view.js';

/** A piece of communication with no compute running on its rank. Times are ns. */
export interface ExposedInterval {
  readonly rank: number;
  readonly startNs: number;
  readonly endNs: number;
  /** Phase of the communication that fills most of it; empty where it has none. */
  readonly phase: string;
  /** What that communication was at: waiting for other ranks, or moving bytes. */
  readonly waitsFor: CollectiveRole;
  /** Phase of the compute that comes next; undefined at the end. */
  readonly blocked: string | undefined;
}

/** Looks up, for one rank, what fills an exposed piece and what follows it. */
class Explainer {
  readonly #view: TraceView;
  /** Rows of communication and of compute kernels, ascending by start. */
  readonly #communication: number[] = [];
  readonly #compute: number[] = [];
  readonly #computeStarts: Float64Array;
  readonly #communicationStarts: Float64Array;
  readonly #longestNs: number;

  constructor(view: TraceView) {
    this.#view = view;
    const { kernels } = view.rank;
    const [starts, ends] = [kernels.column('startNs'), kernels.column('endNs')];
    let longestNs = 0;
    for (let row = 0; row < kernels.count; row++) {
      const { class: kernelClass } = view.role(row);
      if (kernelClass === 'compute') this.#compute.push(row);
      if (kernelClass !== 'communication') continue;
      this.#communication.push(row);
      longestNs = Math.max(longestNs, ends[row] - starts[row]);
    }
    this.#longestNs = longestNs;
    this.#computeStarts = Float64Array.from(this.#compute, (row) => starts[row]);
    this.#communicationStarts = Float64Array.from(this.#communication, (row) => starts[row]);
  }

  #phase(row: number | undefined): string | undefined {
    const { rank } = this.#view;
    return row === undefined ? undefined : rank.instances[rank.kernels.column('instance')[row]]?.phase;
  }

  explain(startNs: number, endNs: number): Pick<ExposedInterval, 'phase' | 'waitsFor' | 'blocked'> {
    const { rank } = this.#view;
    const [starts, ends] = [rank.kernels.column('startNs'), rank.kernels.column('endNs')];
    let most = 0;
    let found: Pick<ExposedInterval, 'phase' | 'waitsFor'> = { phase: '', waitsFor: 'transfer' };
    const offer = (from: number, to: number, make: () => typeof found): void => {
      const shared = Math.min(to, endNs) - Math.max(from, startNs);
      if (shared > most) [most, found] = [shared, make()];
    };
    const first = lowerBound(this.#communicationStarts, startNs - this.#longestNs);
    for (let i = first; i < this.#communication.length && this.#communicationStarts[i] < endNs; i++) {
      const row = this.#communication[i];
      offer(starts[row], ends[row], () => {
        const waitsFor = this.#view.role(row).collective?.role ?? 'transfer';
        return { phase: this.#phase(row) ?? '', waitsFor };
      });
    }
    for (const transfer of rank.transfers) {
      offer(transfer.startNs, transfer.endNs, () => ({ phase: transfer.phase, waitsFor: 'transfer' }));
    }
    return { ...found, blocked: this.#phase(this.#compute[lowerBound(this.#computeStarts, endNs)]) };
  }
}

/** @returns a rank's exposed pieces, the longest first, at most so many. */
export function exposedPieces(view: TraceView, limit: number): ExposedInterval[] {
  const { starts, ends } = subtract(view.communication, view.compute);
  const order = Array.from(starts, (_, index) => index)
    .sort((a, b) => ends[b] - starts[b] - (ends[a] - starts[a]) || a - b)
    .slice(0, limit);
  if (order.length === 0) return [];
  const explainer = new Explainer(view);
  return order.map((index) => ({
    rank: view.rank.rank,
    startNs: starts[index],
    endNs: ends[index],
    ...explainer.explain(starts[index], ends[index]),
  }));
}
