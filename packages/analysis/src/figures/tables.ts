import { microseconds, ratio, rounded } from '@epemu/core';
import { lengthOf, mergeIntervals } from '@epemu/timeline';
import type { KernelClass, KernelIdentity, RankView } from '@epemu/timeline';

/** Kernels of one name, or of one category, over all ranks. */
export interface KernelTotal {
  readonly name: string;
  readonly class: KernelClass;
  readonly category: string;
  /** On one rank. */
  readonly count: number;
  /** Sum of one rank, mean over ranks. */
  readonly totalUs: number;
  readonly meanUs: number;
  readonly minUs: number;
  readonly maxUs: number;
  /** Of the time of all kernels. */
  readonly sharePct: number;
}

/** Busy time of a stream, mean over the ranks that have it. */
export interface StreamFigure {
  readonly stream: string;
  readonly name: string;
  readonly role: 'computation' | 'communication';
  readonly ranks: number;
  readonly kernels: number;
  readonly busyUs: number;
  /** Of the rank's span. */
  readonly busyPct: number;
}

interface KernelSums {
  readonly name: string;
  readonly class: KernelClass;
  readonly category: string;
  count: number;
  ns: number;
  minNs: number;
  maxNs: number;
}

/** Sums kernels and streams from the views of all ranks, one after the other. */
export class TableAccumulator {
  readonly #identities: readonly KernelIdentity[];
  /** By identity; undefined of those that did not run. */
  readonly #kernels: (KernelSums | undefined)[] = [];
  readonly #streams = new Map<
    string,
    {
      figure: Pick<StreamFigure, 'stream' | 'name' | 'role'>;
      ranks: number;
      kernels: number;
      busyNs: number;
      share: number;
    }
  >();
  #ranks = 0;

  constructor(identities: readonly KernelIdentity[]) {
    this.#identities = identities;
  }

  /** @param spanNs the rank's own span. */
  add(view: RankView, spanNs: number): void {
    this.#ranks++;
    this.#addKernels(view);
    this.#addStreams(view, spanNs);
  }

  #addKernels({ content: { kernels } }: RankView): void {
    const { count, startNs, endNs, kernel } = kernels;
    for (let row = 0; row < count; row++) {
      const ns = endNs[row] - startNs[row];
      const sums = (this.#kernels[kernel[row]] ??= newSums(this.#identities[kernel[row]]));
      sums.count++;
      sums.ns += ns;
      sums.minNs = Math.min(sums.minNs, ns);
      sums.maxNs = Math.max(sums.maxNs, ns);
    }
  }

  #addStreams(view: RankView, spanNs: number): void {
    const { kernels, streams } = view.content;
    const { startNs: starts, endNs: ends, stream: ids } = kernels;
    const rows = streams.map((): number[] => []);
    for (let row = 0; row < kernels.count; row++) rows[ids[row]].push(row);
    streams.forEach((stream, index) => {
      const busyNs = lengthOf(
        mergeIntervals(
          rows[index].map((row) => starts[row]),
          rows[index].map((row) => ends[row]),
        ),
      );
      const figure = { stream: stream.id, name: stream.name, role: stream.role };
      const sums = this.#streams.get(stream.id) ?? { figure, ranks: 0, kernels: 0, busyNs: 0, share: 0 };
      this.#streams.set(stream.id, sums);
      sums.ranks++;
      sums.kernels += rows[index].length;
      sums.busyNs += busyNs;
      sums.share += ratio(busyNs, spanNs);
    });
  }

  /** @returns kernels by name, those that take most time first; the category of a name is that of its first kernel. */
  kernels(): KernelTotal[] {
    return this.#totals(({ name, class: kernelClass }) => JSON.stringify([name, kernelClass]));
  }

  /** @returns kernels by category, those that take most time first. */
  categories(): KernelTotal[] {
    const named = this.#totals(({ category, class: kernelClass }) => `${kernelClass} ${category}`);
    return named.map((total) => ({ ...total, name: total.category }));
  }

  #grouped(keyOf: (sums: KernelSums) => string): KernelSums[] {
    const groups = new Map<string, KernelSums>();
    for (const sums of this.#kernels) {
      if (sums === undefined) continue;
      const group = groups.get(keyOf(sums));
      if (group === undefined) {
        groups.set(keyOf(sums), { ...sums });
        continue;
      }
      group.count += sums.count;
      group.ns += sums.ns;
      group.minNs = Math.min(group.minNs, sums.minNs);
      group.maxNs = Math.max(group.maxNs, sums.maxNs);
    }
    return [...groups.values()];
  }

  #totals(keyOf: (sums: KernelSums) => string): KernelTotal[] {
    const all = this.#grouped(keyOf);
    const totalNs = all.reduce((sum, { ns }) => sum + ns, 0);
    return (
      [...all]
        // Names of the same kernels differ between captures; categories do not.
        .sort((a, b) => b.ns - a.ns || (a.category + a.name < b.category + b.name ? -1 : 1))
        .map(({ name, class: kernelClass, category, count, ns, minNs, maxNs }) => ({
          name,
          class: kernelClass,
          category,
          count: rounded(count / this.#ranks),
          totalUs: microseconds(ns / this.#ranks),
          meanUs: microseconds(ns / count),
          minUs: microseconds(minNs),
          maxUs: microseconds(maxNs),
          sharePct: rounded(100 * ratio(ns, totalNs)),
        }))
    );
  }

  /** @returns streams in the order of their numbers. */
  streams(): StreamFigure[] {
    return [...this.#streams.values()]
      .map(({ figure, ranks, kernels, busyNs, share }) => ({
        ...figure,
        ranks,
        kernels: rounded(kernels / ranks),
        busyUs: microseconds(busyNs / ranks),
        busyPct: rounded((100 * share) / ranks),
      }))
      .sort((a, b) => Number(a.stream) - Number(b.stream) || (a.stream < b.stream ? -1 : 1));
  }
}

function newSums({ name, class: kernelClass, category }: KernelIdentity): KernelSums {
  return { name, class: kernelClass, category, count: 0, ns: 0, minNs: Number.POSITIVE_INFINITY, maxNs: 0 };
}
