import { Columns } from '@epemu/core';

/** `track`, `startNs`, `ns`, then what else a slice has. */
const COLUMNS = ['track', 'startNs', 'ns', 'name', 'class', 'phase'] as const;
type Column = (typeof COLUMNS)[number];

/** @returns rows of slices, all where none are given, by track, start and length, the longest first. */
export function slicesInOrder(
  { track, startNs, ns }: Readonly<Record<'track' | 'startNs' | 'ns', Float64Array>>,
  rows: Uint32Array = Uint32Array.from(track.keys()),
): Uint32Array {
  return rows.sort((a, b) => track[a] - track[b] || startNs[a] - startNs[b] || ns[b] - ns[a]);
}

/** To keep fewer would save nothing. */
const LEAST_KEPT = 10_000;

/** Slices of kernels, of which only the longest are kept: memory is bounded, however many come. */
export class LongestSlices {
  #limit: number;
  #slices = new Columns(COLUMNS, 1024);
  #offered = 0;

  /** @param limit how many can be asked for at most. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  add(track: number, startNs: number, ns: number, name: number, kernelClass: number, phase: number): void {
    this.#offered++;
    this.#slices.push(track, startNs, ns, name, kernelClass, phase);
    if (this.#slices.count > 2 * Math.max(this.#limit, LEAST_KEPT)) this.#prune();
  }

  /** Fewer will be asked for, as other things take their room: what is shorter goes when it comes to that. */
  lower(limit: number): void {
    this.#limit = Math.max(0, Math.min(limit, this.#limit));
  }

  #prune(): void {
    const rows = this.#rowsAtLeast(this.#leastNs(Math.max(this.#limit, LEAST_KEPT)) - 1);
    const values = COLUMNS.map((name) => {
      const column = this.#slices.columnFrom(name, 0);
      return Float64Array.from(rows, (row) => column[row]);
    });
    this.#slices = Columns.from(COLUMNS, values);
  }

  /** @returns the length from which on no more than so many are drawn, ns. */
  #leastNs(limit: number): number {
    if (this.#offered <= limit) return 0;
    if (limit === 0) return Number.POSITIVE_INFINITY;
    const lengths = this.#slices.column('ns').slice().sort();
    return lengths[lengths.length - limit] + 1;
  }

  /** @returns the slices that are as long, by row. */
  #rowsAtLeast(ns: number): Uint32Array {
    const lengths = this.#slices.column('ns');
    return Uint32Array.from(lengths.keys()).filter((row) => lengths[row] >= ns);
  }

  /** @returns the longest slices, at most so many, by track and start, and what was left out. */
  result(limit: number): {
    readonly columns: Readonly<Record<Column, number[]>>;
    readonly leftOut: number;
    readonly shortestNs: number;
  } {
    const shortestNs = this.#leastNs(Math.min(limit, this.#limit));
    const order = slicesInOrder(
      {
        track: this.#slices.column('track'),
        startNs: this.#slices.column('startNs'),
        ns: this.#slices.column('ns'),
      },
      this.#rowsAtLeast(shortestNs),
    );
    const sorted = COLUMNS.map((name) => {
      // One after the other, and none kept: all at once they are megabytes.
      const column = this.#slices.columnFrom(name, 0);
      return [name, Array.from(order, (row) => column[row])] as const;
    });
    return {
      columns: Object.fromEntries(sorted) as Record<Column, number[]>,
      leftOut: this.#offered - order.length,
      shortestNs,
    };
  }
}
