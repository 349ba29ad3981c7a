import { lowerBound } from '@epemu/core';

/** Half-open intervals of integer ns: disjoint, not touching, ascending. `starts[i]` pairs with `ends[i]`. */
export interface Intervals {
  readonly starts: Float64Array;
  readonly ends: Float64Array;
}

/** Grows a result of {@link Intervals} whose final length is not known but bounded. */
class Builder {
  readonly #starts: Float64Array;
  readonly #ends: Float64Array;
  #count = 0;

  constructor(capacity: number) {
    this.#starts = new Float64Array(capacity);
    this.#ends = new Float64Array(capacity);
  }

  /** Appends an interval that starts no earlier than the last one; joins it where the two touch or overlap. */
  push(start: number, end: number): void {
    if (end <= start) return;
    const last = this.#count - 1;
    if (last >= 0 && start <= this.#ends[last]) {
      if (end > this.#ends[last]) this.#ends[last] = end;
      return;
    }
    this.#starts[this.#count] = start;
    this.#ends[this.#count] = end;
    this.#count++;
  }

  done(): Intervals {
    return { starts: this.#starts.subarray(0, this.#count), ends: this.#ends.subarray(0, this.#count) };
  }
}

/** @returns whether values never decrease. */
function ascending(values: ArrayLike<number>): boolean {
  for (let i = 1; i < values.length; i++) if (values[i] < values[i - 1]) return false;
  return true;
}

/** @returns the union of intervals given in any order, empty ones left out. O(n log n); O(n) where starts ascend. */
export function mergeIntervals(starts: ArrayLike<number>, ends: ArrayLike<number>): Intervals {
  const builder = new Builder(starts.length);
  if (ascending(starts)) {
    for (let i = 0; i < starts.length; i++) builder.push(starts[i], ends[i]);
  } else {
    // Equal starts may come in either order: a union does not depend on it.
    const order = Uint32Array.from(starts, (_, i) => i).sort((a, b) => starts[a] - starts[b]);
    for (const i of order) builder.push(starts[i], ends[i]);
  }
  return builder.done();
}

/** @returns the union of two sets of intervals. */
export function unite(a: Intervals, b: Intervals): Intervals {
  const builder = new Builder(a.starts.length + b.starts.length);
  let i = 0;
  let j = 0;
  while (i < a.starts.length || j < b.starts.length) {
    if (j >= b.starts.length || (i < a.starts.length && a.starts[i] <= b.starts[j])) {
      builder.push(a.starts[i], a.ends[i]);
      i++;
    } else {
      builder.push(b.starts[j], b.ends[j]);
      j++;
    }
  }
  return builder.done();
}

/** @returns what lies in both sets. */
export function intersect(a: Intervals, b: Intervals): Intervals {
  const builder = new Builder(a.starts.length + b.starts.length);
  let i = 0;
  let j = 0;
  while (i < a.starts.length && j < b.starts.length) {
    builder.push(Math.max(a.starts[i], b.starts[j]), Math.min(a.ends[i], b.ends[j]));
    if (a.ends[i] < b.ends[j]) i++;
    else j++;
  }
  return builder.done();
}

/** @returns what lies in `a` and not in `b`. */
export function subtract(a: Intervals, b: Intervals): Intervals {
  const builder = new Builder(a.starts.length + b.starts.length);
  let j = 0;
  for (let i = 0; i < a.starts.length; i++) {
    let from = a.starts[i];
    while (j < b.starts.length && b.ends[j] <= from) j++;
    // An interval of b may reach into the next one of a: look ahead without leaving it behind.
    for (let k = j; k < b.starts.length && b.starts[k] < a.ends[i]; k++) {
      builder.push(from, b.starts[k]);
      from = b.ends[k];
    }
    builder.push(from, a.ends[i]);
  }
  return builder.done();
}

/** @returns the part of the set between two times. */
export function clip(intervals: Intervals, startNs: number, endNs: number): Intervals {
  return intersect(intervals, { starts: Float64Array.of(startNs), ends: Float64Array.of(Math.max(startNs, endNs)) });
}

/** @returns the total length of a set, ns. */
export function lengthOf(intervals: Intervals): number {
  let sum = 0;
  for (let i = 0; i < intervals.starts.length; i++) sum += intervals.ends[i] - intervals.starts[i];
  return sum;
}

/** @returns the length that two sets have in common, ns. */
export function intersectionLength(a: Intervals, b: Intervals): number {
  return lengthOf(intersect(a, b));
}

/** Answers how much of a span a set covers, in O(log n) after O(n). */
export class Coverage {
  readonly #intervals: Intervals;
  /** Length of all intervals before the i-th. */
  readonly #before: Float64Array;

  constructor(intervals: Intervals) {
    this.#intervals = intervals;
    this.#before = new Float64Array(intervals.starts.length + 1);
    for (let i = 0; i < intervals.starts.length; i++) {
      this.#before[i + 1] = this.#before[i] + intervals.ends[i] - intervals.starts[i];
    }
  }

  /** @returns how much of [startNs, endNs) is covered, ns. */
  within(startNs: number, endNs: number): number {
    return endNs <= startNs ? 0 : this.#until(endNs) - this.#until(startNs);
  }

  #until(timeNs: number): number {
    const { starts, ends } = this.#intervals;
    const begun = lowerBound(starts, timeNs);
    // The last of those that start before the time may reach past it.
    return begun === 0 ? 0 : this.#before[begun] - Math.max(0, ends[begun - 1] - timeNs);
  }
}
