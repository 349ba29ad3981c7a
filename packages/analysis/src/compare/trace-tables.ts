import { microseconds } from '@epemu/core';
import { Coverage, lengthOf, clip, mergeIntervals, unite } from '@epemu/timeline';
import type { CollectiveRole, KernelClass, RankView, TimeWindow } from '@epemu/timeline';
import type { AnalysedSet } from '../analysis.js';
import type { PhaseSummary } from '../figures/figure-report.js';
import { layerStarts, steadyWindow } from '../figures/layers.js';
import { KernelRoles } from '../kernel-role.js';
import { comparedCategory } from './compared-category.js';
import type { SideTables } from './side.js';

/** The window of a rank whose layers are too few for a steady one, or of all of them. */
const ALWAYS: TimeWindow = { startNs: Number.NEGATIVE_INFINITY, endNs: Number.POSITIVE_INFINITY };

interface ExactPhase {
  readonly name: string;
  readonly stream: number | null;
  readonly kind: PhaseSummary['kind'];
  count: number;
  wallNs: number;
  computeNs: number;
  exposedNs: number;
}

interface KernelSums {
  readonly name: string;
  readonly class: KernelClass;
  readonly category: string;
  count: number;
  ns: number;
}

function clipped(startNs: number, endNs: number, window: TimeWindow): readonly [number, number] {
  const from = Math.max(startNs, window.startNs);
  return [from, Math.max(from, Math.min(endNs, window.endNs))];
}

function startsIn(startNs: number, window: TimeWindow): boolean {
  return startNs >= window.startNs && startNs < window.endNs;
}

/**
 * Sums phases, kernels and collectives of all ranks so that what phases add to a layer adds up: computation that is in
 * the window, communication in it with no compute running, and of background transfers only what no kernel shows.
 */
class ExactTables {
  readonly #roles = new KernelRoles();
  readonly #phases = new Map<string, ExactPhase>();
  readonly #kernels = new Map<string, KernelSums>();
  readonly #collectives = new Map<string, { phase: string; role: CollectiveRole; ns: number }>();
  #ranks = 0;

  add(view: RankView, window: TimeWindow): void {
    this.#ranks++;
    this.#addPhases(view, window);
    this.#addTransfers(view, window);
    this.#addKernels(view, window);
  }

  #phase(name: string, stream: number | null, kind: PhaseSummary['kind']): ExactPhase {
    const key = `${kind === 'network' ? 'network' : ''} ${name}`;
    let sums = this.#phases.get(key);
    if (sums === undefined) {
      sums = { name, stream, kind, count: 0, wallNs: 0, computeNs: 0, exposedNs: 0 };
      this.#phases.set(key, sums);
    }
    return sums;
  }

  #addPhases(view: RankView, window: TimeWindow): void {
    const { kernels, instances, streams } = view.content;
    const { startNs: starts, endNs: ends } = kernels;
    const compute = new Coverage(view.compute);
    for (const { phase, rows, startNs, endNs, stream } of instances) {
      if (endNs <= window.startNs || startNs >= window.endNs) continue;
      const id = Number(streams[stream].id);
      const sums = this.#phase(phase, Number.isFinite(id) ? id : null, streams[stream].role);
      if (startsIn(startNs, window)) {
        sums.count++;
        sums.wallNs += endNs - startNs;
      }
      for (const row of rows) {
        if (view.class(row) !== 'communication') continue;
        const [from, to] = clipped(starts[row], ends[row], window);
        sums.exposedNs += to - from - compute.within(from, to);
      }
      // A cast between collectives runs beside what computes; counted again it would be too much.
      if (sums.kind !== 'computation') continue;
      const computing = rows.filter((row) => view.class(row) === 'compute');
      const busy = mergeIntervals(
        computing.map((row) => starts[row]),
        computing.map((row) => ends[row]),
      );
      sums.computeNs += lengthOf(clip(busy, window.startNs, window.endNs));
    }
  }

  #addTransfers(view: RankView, window: TimeWindow): void {
    const shown = new Coverage(unite(view.compute, view.kernelCommunication));
    // Of transfers at once the earlier takes the time that they share.
    let takenTo = window.startNs;
    for (const { phase, startNs, endNs } of view.content.transfers) {
      const sums = this.#phase(phase, null, 'network');
      if (startsIn(startNs, window)) {
        sums.count++;
        sums.wallNs += endNs - startNs;
      }
      const [from, to] = clipped(Math.max(startNs, takenTo), endNs, window);
      takenTo = Math.max(takenTo, to);
      sums.exposedNs += to - from - shown.within(from, to);
    }
  }

  #addKernels(view: RankView, window: TimeWindow): void {
    const { kernels, instances } = view.content;
    const { startNs: starts, endNs: ends, instance: placed } = kernels;
    for (let row = 0; row < kernels.count; row++) {
      const [from, to] = clipped(starts[row], ends[row], window);
      if (to === from && !startsIn(starts[row], window)) continue;
      const ns = to - from;
      const { name, class: kernelClass, category, collective } = view.identity(row);
      let sums = this.#kernels.get(name);
      if (sums === undefined) {
        const compared = comparedCategory(this.#roles, name, category);
        this.#kernels.set(name, (sums = { name, class: kernelClass, category: compared, count: 0, ns: 0 }));
      }
      // A kernel that the window cuts is there in part, and so counts in part.
      sums.count += ends[row] > starts[row] ? ns / (ends[row] - starts[row]) : 1;
      sums.ns += ns;
      const phase = instances[placed[row]]?.phase;
      if (collective === undefined || phase === undefined) continue;
      const key = `${collective.role} ${phase}`;
      const together = this.#collectives.get(key) ?? { phase, role: collective.role, ns: 0 };
      this.#collectives.set(key, together);
      together.ns += ns;
    }
  }

  /** @param layers of the window. */
  result(layers: number): SideTables {
    const mean = (ns: number): number => microseconds(ns / this.#ranks);
    return {
      layers,
      phases: [...this.#phases.values()].map(({ name, stream, kind, count, wallNs, computeNs, exposedNs }) => ({
        ...{ name, stream, kind, count: count / this.#ranks },
        meanUs: count === 0 ? 0 : microseconds(wallNs / count),
        computeUs: mean(computeNs),
        exposedUs: mean(exposedNs),
      })),
      kernels: [...this.#kernels.values()].map(({ name, class: kernelClass, category, count, ns }) => ({
        ...{ name, class: kernelClass, category, count: count / this.#ranks },
        totalUs: mean(ns),
      })),
      collectives: [...this.#collectives.values()].map(({ phase, role, ns }) => ({ phase, role, totalUs: mean(ns) })),
    };
  }
}

/** @returns tables in which each piece of time counts once; null where the steady ones are asked for and there are none. */
export function traceTables({ analysis, set }: AnalysedSet, over: 'whole' | 'steady'): SideTables | null {
  const tables = new ExactTables();
  const { marker, count } = analysis.layers;
  for (const view of set.ranks) {
    const window =
      over === 'whole' ? ALWAYS : steadyWindow(layerStarts(view, marker ?? undefined).map(({ startNs }) => startNs));
    if (window === undefined) return null;
    tables.add(view, window);
  }
  // The window of steady layers leaves out the first and the last.
  return tables.result(over === 'whole' ? count : count - 2);
}
