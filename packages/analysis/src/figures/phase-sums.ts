import { microseconds } from '@epemu/core';
import type { RankView } from '@epemu/timeline';
import type { PhaseSummary } from './figure-report.js';
import { phaseTimes } from './phase-times.js';

type Phase = Pick<PhaseSummary, 'name' | 'stream' | 'kind'>;

interface Sums extends Phase {
  count: number;
  wallNs: number;
  minNs: number;
  maxNs: number;
  busyNs: number;
  exposedNs: number;
}

/** Sums runs of phases over layers and ranks. */
export class PhaseSums {
  /** In the order of first runs. */
  readonly #sums = new Map<string, Sums>();

  #ranks = 0;

  /** Takes a rank's phases and background transfers, which may have the name of a phase. */
  add(view: RankView): void {
    this.#ranks++;
    for (const { phase, stream, startNs, endNs, busyNs, exposedNs } of phaseTimes(view)) {
      const id = Number(stream?.id);
      const kind: Phase['kind'] = stream?.role ?? 'network';
      const of: Phase = { name: phase, stream: Number.isFinite(id) ? id : null, kind };
      this.#addPhase(of, endNs - startNs, busyNs, exposedNs);
    }
  }

  #addPhase(phase: Phase, wallNs: number, busyNs: number, exposedNs: number): void {
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

  /** @returns phases in the order in which they first ran. */
  result(): PhaseSummary[] {
    return [...this.#sums.values()].map((sums) => ({
      name: sums.name,
      stream: sums.stream,
      kind: sums.kind,
      count: sums.count / this.#ranks,
      meanUs: microseconds(sums.wallNs / sums.count),
      minUs: microseconds(sums.minNs),
      maxUs: microseconds(sums.maxNs),
      busyUs: microseconds(sums.busyNs / sums.count),
      exposedUs: microseconds(sums.exposedNs / sums.count),
    }));
  }
}
