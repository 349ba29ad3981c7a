import type { KernelShape } from '@epemu/kernels';

/** A kernel of the trace whose kind and work are known. */
export interface PlacedKernel {
  /** As it stands in the trace. */
  readonly name: string;
  readonly kind: string;
  readonly shape: KernelShape;
  /** SMs that it had. */
  readonly sms: number;
  /** Time on the GPU, shared out where several kernels ran at once. */
  readonly ns: number;
  /** Share of its time in which a collective held SMs beside it. */
  readonly together: number;
  /** Phase it was found in; undefined where it was placed by its name. */
  readonly phase: string | undefined;
}

/** Why a kernel was not placed. */
export type NotPlacedReason =
  'unknown name' | 'no shape' | 'several kinds' | 'KV length unknown' | 'no usable times' | 'no rate fits';

/** Kernels of one name that were not placed. */
export interface NotPlaced {
  readonly name: string;
  readonly reason: NotPlacedReason;
  readonly count: number;
  readonly totalUs: number;
  /** Of the time of all kernels that are no collectives. */
  readonly sharePct: number;
}

/** Gathers what was not placed, by name and reason. */
export class NotPlacedKernels {
  readonly #entries = new Map<string, { name: string; reason: NotPlacedReason; count: number; totalUs: number }>();

  /** @param us time of all `count` kernels. */
  add(name: string, reason: NotPlacedReason, us: number, count = 1): void {
    const key = `${reason} ${name}`;
    let entry = this.#entries.get(key);
    if (entry === undefined) {
      entry = { name, reason, count: 0, totalUs: 0 };
      this.#entries.set(key, entry);
    }
    entry.count += count;
    entry.totalUs += us;
  }

  /** @returns what was added, the longest first. */
  list(allUs: number): NotPlaced[] {
    const list = [...this.#entries.values()].map((entry) => {
      return { ...entry, sharePct: allUs > 0 ? (100 * entry.totalUs) / allUs : 0 };
    });
    return list.sort((a, b) => b.totalUs - a.totalUs || (a.name < b.name ? -1 : 1));
  }
}
