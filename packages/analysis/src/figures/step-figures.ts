import { mean, microseconds, ratio, rounded } from '@epemu/core';
import type { OverlapFigures, RankView } from '@epemu/timeline';

/** Figures of one step of the profiler, mean over ranks; times in µs. */
export interface StepFigure {
  readonly step: number;
  /** Of the first rank that has it. */
  readonly startUs: number;
  /** From the start of a rank's first kernel of it to the end of its last. */
  readonly spanUs: number;
  readonly computeUs: number;
  readonly commUs: number;
  readonly overlapPct: number;
  readonly exposedCommUs: number;
  readonly exposedCommPct: number;
  readonly idlePct: number;
}

/** More steps than this are no figures to read. */
const MOST_STEPS = 64;

/** Gathers figures of steps, rank by rank. */
export class StepSums {
  readonly #steps = new Map<number, OverlapFigures[]>();
  readonly #betweenNs: number[] = [];

  add(view: RankView): void {
    const steps = view.content.steps ?? [];
    if (steps.length < 2) return;
    let betweenNs = 0;
    let reachNs = steps[0].startNs;
    for (const { step, startNs, endNs } of steps) {
      betweenNs += Math.max(0, startNs - reachNs);
      reachNs = Math.max(reachNs, endNs);
      if (!this.#steps.has(step) && this.#steps.size >= MOST_STEPS) continue;
      const figures = view.figures(true, { startNs, endNs });
      const list = this.#steps.get(step);
      if (list === undefined) this.#steps.set(step, [figures]);
      else list.push(figures);
    }
    this.#betweenNs.push(betweenNs);
  }

  /** Time between steps in which none has a kernel, mean over ranks, µs. */
  get betweenUs(): number {
    return this.#betweenNs.length === 0 ? 0 : microseconds(mean(this.#betweenNs));
  }

  result(): StepFigure[] {
    return [...this.#steps].map(([step, list]) => {
      const of = (figure: 'spanNs' | 'computeNs' | 'commNs' | 'overlapNs' | 'exposedNs' | 'idleNs'): number =>
        mean(list.map((figures) => figures[figure]));
      return {
        step,
        startUs: microseconds(list[0].startNs),
        spanUs: microseconds(of('spanNs')),
        computeUs: microseconds(of('computeNs')),
        commUs: microseconds(of('commNs')),
        overlapPct: rounded(100 * ratio(of('overlapNs'), of('commNs'))),
        exposedCommUs: microseconds(of('exposedNs')),
        exposedCommPct: rounded(100 * ratio(of('exposedNs'), of('spanNs'))),
        idlePct: rounded(100 * ratio(of('idleNs'), of('spanNs'))),
      };
    });
  }
}
