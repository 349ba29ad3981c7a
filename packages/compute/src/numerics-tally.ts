import type { NumericsResult } from './tasks.js';

/** Relative error above which a token is wrong: float32 arithmetic stays one to two orders below. */
const TOLERANCE = 1e-4;

/** Counts what a comparison with a reference finds. */
export class NumericsTally {
  readonly result: NumericsResult = { tokensChecked: 0, missing: 0, duplicated: 0, wrong: 0, maxRelativeError: 0 };

  /** Counts a token of which `rows` rows came back where `topK` were due. */
  countRows(rows: number, topK: number): void {
    const { result } = this;
    result.tokensChecked++;
    if (rows > topK) result.duplicated++;
    // Not `rows < topK`: a count that is not a number is no row either.
    else if (!(rows >= topK)) result.missing++;
  }

  /** Judges a token's relative error; one that is not a number is wrong. */
  judge(error: number): void {
    const { result } = this;
    const known = Number.isNaN(error) ? Infinity : error;
    if (known > TOLERANCE) result.wrong++;
    if (known > result.maxRelativeError) result.maxRelativeError = known;
  }
}

/** @returns ‖got − expected‖ / max(‖expected‖, least) of `length` values; 0 where nothing differs. */
export function relativeError(
  got: Float32Array,
  gotAt: number,
  expected: Float64Array,
  expectedAt: number,
  length: number,
  least: number,
): number {
  let difference = 0;
  let norm = 0;
  for (let i = 0; i < length; i++) {
    const value = expected[expectedAt + i];
    difference += (got[gotAt + i] - value) ** 2;
    norm += value * value;
  }
  return difference === 0 ? 0 : Math.sqrt(difference) / Math.max(Math.sqrt(norm), least);
}
