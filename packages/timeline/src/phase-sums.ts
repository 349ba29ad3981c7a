import { microseconds } from './figures-summary.js';
import type { PhaseSummary } from './figures-summary.js';

type Phase = Pick<PhaseSummary, 'name' | 'stream' | 'kind'>;

interface Sums extends Phase {
  count: number;
  wallNs: number;
  minNs: number;
  maxNs: number;
  busyNs: number;
  exposedNs: number;
}

/** One run of a phase, ns. */
export interface PhaseTimes {
  readonly wallNs: number;
  /** With a kernel running. */
  readonly busyNs: number;
  /** Communication with no compute running on the rank. */
  readonly exposedNs: number;
}

/** Sums runs of phases over layers and ranks. */
export class PhaseSums {
  /** In the order of first runs. */
  readonly #sums = new Map<string, Sums>();

  /** A background transfer may have the name of a phase. */
  add(phase: Phase, { wallNs, busyNs, exposedNs }: PhaseTimes): void {
    const key = `${phase.kind === 'network' ? 'transfer' : 'phase'} ${phase.name}`;
    let sums = this.#sums.get(key);
    if (sums === undefined) {
      sums = { ...phase, count: 0, wallNs: 0, minNs: wallNs, maxNs: wallNs, busyNs: 0, exposedNs: 0 };
      this.#sums.set(key, sums);
    }
    sums.count++;
    sums.wallNs += wallNs;
    sums.minNs = Math.min(sums.minNs, wallNs);
    sums.maxNs = Math.max(sums.maxNs, wallNs);
    sums.busyNs += busyNs;
    sums.exposedNs += exposedNs;
  }

  /** @param ranks how many of them were added. */
  result(ranks: number): PhaseSummary[] {
    return [...this.#sums.values()].map((sums) => ({
      name: sums.name,
      stream: sums.stream,
      kind: sums.kind,
      count: sums.count / ranks,
      meanUs: microseconds(sums.wallNs / sums.count),
      minUs: microseconds(sums.minNs),
      maxUs: microseconds(sums.maxNs),
      busyUs: microseconds(sums.busyNs / sums.count),
      exposedUs: microseconds(sums.exposedNs / sums.count),
    }));
  }
}
