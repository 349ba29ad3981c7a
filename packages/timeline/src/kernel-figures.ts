import type { KernelDescription, Operation, Program } from '@epemu/schedule';
import { microseconds, ratio, rounded } from './figures-summary.js';
import type { KernelFigure } from './figures-summary.js';
import type { RankTimeline } from './record.js';

interface KernelSums extends Omit<KernelFigure, 'ctas' | 'count' | 'meanUs'> {
  ctas: number | null;
  count: number;
  ns: number;
}

function ctasOf({ grid }: KernelDescription): number {
  return grid[0] * grid[1] * grid[2];
}

/** Sums kernels by phase from the timelines of all ranks, one after the other. */
export class KernelAccumulator {
  /** In launch order of first use. */
  readonly #sums: KernelSums[] = [];
  /** By operation id, then by index of the program's kernels. */
  readonly #byOperation = new Map<number, ReadonlyMap<number, KernelSums>>();
  #ranks = 0;

  constructor(program: Program) {
    const known = new Map<string, KernelSums>();
    for (const operation of program.operations) {
      const uses = operation.kernels.map(({ kernel, role }): [number, KernelSums] => {
        const made = newSums(operation, program.kernels[kernel], role ?? null);
        const key = JSON.stringify([made.phase, made.kernel, made.label, made.role, made.category]);
        const sums = known.get(key) ?? made;
        known.set(key, sums);
        if (sums === made) this.#sums.push(sums);
        else if (sums.ctas !== made.ctas) sums.ctas = null;
        return [kernel, sums];
      });
      this.#byOperation.set(operation.id, new Map(uses));
    }
  }

  /** Takes a rank's kernels into the sums. */
  add({ events }: RankTimeline): void {
    this.#ranks++;
    const [starts, ends] = [events.column('startNs'), events.column('endNs')];
    const kernels = events.column('kernel');
    events.column('operation').forEach((id, row) => {
      const sums = this.#byOperation.get(id)!.get(kernels[row])!;
      sums.count++;
      sums.ns += ends[row] - starts[row];
    });
  }

  /** @returns the kernels that ran, phase by phase in launch order. */
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

function newSums(operation: Operation, description: KernelDescription, role: KernelSums['role']): KernelSums {
  const { name, label = null, category } = description;
  return { phase: operation.phase, kernel: name, label, role, category, ctas: ctasOf(description), count: 0, ns: 0 };
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
