/** @returns how many of the ascending values lie below (or, where `orEqual`, not above) what is wanted. */
function countBelow(values: readonly number[], wanted: number, orEqual: boolean): number {
  let low = 0;
  let high = values.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (values[middle] < wanted || (orEqual && values[middle] === wanted)) low = middle + 1;
    else high = middle;
  }
  return low;
}

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
    const first = countBelow(this.#ends, startNs, false);
    const after = countBelow(this.#starts, endNs, true);
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
    for (let i = countBelow(this.#ends, startNs, true); i < this.#starts.length && this.#starts[i] < endNs; i++) {
      sum += Math.min(endNs, this.#ends[i]) - Math.max(startNs, this.#starts[i]);
    }
    return sum;
  }
}
