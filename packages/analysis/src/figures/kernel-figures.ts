import { microseconds, ratio, rounded } from '@epemu/core';
import type { KernelIdentity, RankView } from '@epemu/timeline';
import type { KernelFigure } from './figure-report.js';

interface KernelSums extends Omit<KernelFigure, 'ctas' | 'count' | 'meanUs'> {
  ctas: number | null;
  count: number;
  ns: number;
}

/** What the kernels of a phase are told apart by. */
interface PhaseKernel {
  readonly phase: string;
  /** Index of the identity. */
  readonly kernel: number;
}

/** Sums kernels by phase from the views of all ranks, one after the other. */
export class KernelAccumulator {
  readonly #identities: readonly KernelIdentity[];
  /** In the order given. */
  readonly #sums: KernelSums[] = [];
  readonly #byPhase = new Map<string, Map<number, KernelSums>>();
  #ranks = 0;

  /** @param order kernels of phases in the order in which they are to be listed. */
  constructor(identities: readonly KernelIdentity[], order: Iterable<PhaseKernel>) {
    this.#identities = identities;
    const known = new Map<string, KernelSums>();
    for (const { phase, kernel } of order) {
      let kernels = this.#byPhase.get(phase);
      if (kernels === undefined) this.#byPhase.set(phase, (kernels = new Map<number, KernelSums>()));
      if (kernels.has(kernel)) continue;
      const made = this.#newSums(phase, kernel);
      const key = JSON.stringify([made.phase, made.kernel, made.label, made.collectiveRole, made.class, made.category]);
      const sums = known.get(key) ?? made;
      kernels.set(kernel, sums);
      if (sums === made) {
        known.set(key, made);
        this.#sums.push(made);
      } else if (sums.ctas !== made.ctas) sums.ctas = null;
    }
  }

  #newSums(phase: string, kernel: number): KernelSums {
    const { name, label = null, class: kernelClass, collective, category, ctas = null } = this.#identities[kernel];
    const collectiveRole = collective?.role ?? null;
    const isNone = collectiveRole === null || collectiveRole === 'layout';
    return {
      ...{ phase, kernel: name, label },
      // Halves are the transfer's own two ends.
      role: isNone ? null : collectiveRole === 'notify' ? 'notify' : 'transfer',
      ...{ collectiveRole, class: kernelClass, category, ctas, count: 0, ns: 0 },
    };
  }

  /** Takes a rank's kernels into the sums. */
  add({ content: { kernels, instances } }: RankView): void {
    this.#ranks++;
    for (const { phase, rows } of instances) {
      const sumsOf = this.#byPhase.get(phase)!;
      for (const row of rows) {
        const sums = sumsOf.get(kernels.kernel[row])!;
        sums.count++;
        sums.ns += kernels.endNs[row] - kernels.startNs[row];
      }
    }
  }

  /** @returns the kernels that ran, phase by phase in the order given. */
  result(): KernelFigure[] {
    const phases = [...new Set(this.#sums.map(({ phase }) => phase))];
    return phases.flatMap((name) =>
      this.#sums
        .filter(({ phase, count }) => phase === name && count > 0)
        .map(({ ns, count, ...sums }) => ({
          ...sums,
          count: count / this.#ranks,
          meanUs: microseconds(ns / count),
        })),
    );
  }
}

/**
 * @returns the share, %, of notify in the busy time of the communication stream, an FP8 cast on it included; 0 where
 * there is no notify. A notify waits for the slowest rank: the ranks' skew shows here.
 */
export function notifyPctOfComm(kernels: readonly KernelFigure[]): number {
  const total = (of: readonly KernelFigure[]): number => of.reduce((sum, { count, meanUs }) => sum + count * meanUs, 0);
  const collectives = new Set(kernels.filter(({ role }) => role !== null).map(({ phase }) => phase));
  const notifies = kernels.filter(({ role }) => role === 'notify');
  return rounded(100 * ratio(total(notifies), total(kernels.filter(({ phase }) => collectives.has(phase)))));
}
