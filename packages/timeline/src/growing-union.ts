import { lowerBound } from '@epemu/core';

/** @returns how many of the ascending integers are not above what is wanted. */
const countUpTo = (values: readonly number[], wanted: number): number => lowerBound(values, wanted + 1);

/**
 * The union of half-open intervals of integer ns that come one after the other, in any order. To add one costs
 * O(log n) and what lies behind it: next to nothing where they come nearly in order, as a rank records them.
 */
export class GrowingUnion {
  readonly #starts: number[] = [];
  readonly #ends: number[] = [];
  #lengthNs = 0;

  /** Total length, ns. */
  get lengthNs(): number {
    return this.#lengthNs;
  }

  /** Adds an interval. @param onNew told each piece of it that was not covered before, ascending. */
  add(startNs: number, endNs: number, onNew?: (startNs: number, endNs: number) => void): void {
    if (endNs <= startNs) return;
    const { length } = this.#ends;
    if (length === 0 || startNs > this.#ends[length - 1]) {
      // By far the most: what comes next in time.
      this.#starts.push(startNs);
      this.#ends.push(endNs);
      this.#lengthNs += endNs - startNs;
      onNew?.(startNs, endNs);
      return;
    }
    const first = lowerBound(this.#ends, startNs);
    const after = countUpTo(this.#starts, endNs);
    let fromNs = startNs;
    const piece = (untilNs: number): void => {
      if (untilNs <= fromNs) return;
      this.#lengthNs += untilNs - fromNs;
      onNew?.(fromNs, untilNs);
    };
    for (let i = first; i < after; i++) {
      piece(this.#starts[i]);
      fromNs = Math.max(fromNs, this.#ends[i]);
    }
    piece(endNs);
    // Those from `first` up to `after` touch the new interval or lie within it: all become one.
    const joined = after > first;
    const start = joined ? Math.min(startNs, this.#starts[first]) : startNs;
    const end = joined ? Math.max(endNs, this.#ends[after - 1]) : endNs;
    this.#starts.splice(first, after - first, start);
    this.#ends.splice(first, after - first, end);
  }

  /** @returns how much of [startNs, endNs) is covered, ns. */
  within(startNs: number, endNs: number): number {
    let sum = 0;
    if (endNs <= startNs) return sum;
    for (let i = countUpTo(this.#ends, startNs); i < this.#starts.length && this.#starts[i] < endNs; i++) {
      sum += Math.min(endNs, this.#ends[i]) - Math.max(startNs, this.#starts[i]);
    }
    return sum;
  }
}
