/** @returns the least of the values, +∞ of none. Never by spreading them: a rank has thousands. */
export function smallest(values: Iterable<number>): number {
  let least = Number.POSITIVE_INFINITY;
  for (const value of values) if (value < least) least = value;
  return least;
}

/** @returns the greatest of the values, −∞ of none. */
export function largest(values: Iterable<number>): number {
  let most = Number.NEGATIVE_INFINITY;
  for (const value of values) if (value > most) most = value;
  return most;
}

/** @returns the mean, 0 of no values. */
export function mean(values: readonly number[]): number {
  return values.length === 0 ? 0 : values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** @returns part / whole, and 0 of an empty whole (JSON has no NaN). */
export function ratio(part: number, whole: number): number {
  return whole === 0 ? 0 : part / whole;
}

/** @returns the value to four decimals. */
export function rounded(value: number): number {
  return Math.round(value * 10_000) / 10_000;
}

/** @returns µs to the ns. */
export function microseconds(ns: number): number {
  return Math.round(ns) / 1000;
}
