import { InvariantError } from '@epemu/core';
import { PlainExpert } from './plain.js';
import type { CheckBackwardTask, CheckForwardTask, NumericsResult } from './tasks.js';

/**
 * The plain reference: what a token's combined row and gradients must be, from the token, its experts and its router
 * weights alone. No kernel, no communication, no collective code.
 */

/** Relative error above which a token is wrong: float32 arithmetic stays one to two orders below. */
const TOLERANCE = 1e-4;
/** Expected values held at once: 32 MB, so that a width of 7168 does not take gigabytes. */
const BLOCK_VALUES = 4 * 1024 * 1024;
/**
 * dW = ⟨g, E(x)⟩ may cancel to almost nothing, its rounding error does not: the error is judged by at least this
 * share of the product of the factors' norms.
 */
const CANCELLATION_FLOOR = 0.05;

/**
 * Compares combined rows with Σ w·E(x), and their row counts with `topK`.
 * @throws InvariantError when the arrays' lengths do not fit each other.
 */
export function checkForward(hidden: number, task: CheckForwardTask): NumericsResult {
  const { input, weights, topK, combined } = task;
  const stride = hidden + 1;
  const tokens = tokenCount(hidden, task, combined, stride);
  const result = emptyResult();
  const expert = new PlainExpert(hidden);
  for (const { first, count } of blocks(tokens, hidden)) {
    const expected = new Float64Array(count * hidden);
    for (const row of rowsByExpert(task, first, count, expert)) {
      const token = Math.floor(row / topK);
      addScaled(expected, (token - first) * hidden, expert.forward(input, token * hidden), weights[row]);
    }
    for (let token = 0; token < count; token++) {
      const at = (first + token) * stride;
      countRows(result, combined[at + hidden], topK);
      judge(result, relativeError(combined, at, expected, token * hidden, hidden, 0));
    }
  }
  return result;
}

/**
 * Compares returned gradients with dX = Σ w·Jᵀg and dW = ⟨g, E(x)⟩, and their row counts with `topK`.
 * @throws InvariantError when the arrays' lengths do not fit each other.
 */
export function checkBackward(hidden: number, task: CheckBackwardTask): NumericsResult {
  const { input, gradient, weights, topK, returned } = task;
  const stride = hidden + 1 + topK;
  const tokens = tokenCount(hidden, task, returned, stride);
  if (gradient.length !== input.length) throw new InvariantError('a gradient is needed for each input value');
  const result = emptyResult();
  const expert = new PlainExpert(hidden);
  for (const { first, count } of blocks(tokens, hidden)) {
    const expectedX = new Float64Array(count * hidden);
    const expectedW = new Float64Array(count * topK);
    const squaredScale = new Float64Array(count);
    for (const row of rowsByExpert(task, first, count, expert)) {
      const token = Math.floor(row / topK);
      expert.forward(input, token * hidden);
      const { dot, scale, dx } = expert.backward(gradient, token * hidden);
      addScaled(expectedX, (token - first) * hidden, dx, weights[row]);
      expectedW[row - first * topK] = dot;
      squaredScale[token - first] += scale * scale;
    }
    for (let token = 0; token < count; token++) {
      const at = (first + token) * stride;
      countRows(result, returned[at + hidden], topK);
      const errorX = relativeError(returned, at, expectedX, token * hidden, hidden, 0);
      const least = CANCELLATION_FLOOR * Math.sqrt(squaredScale[token]);
      const errorW = relativeError(returned, at + hidden + 1, expectedW, token * topK, topK, least);
      judge(result, Math.max(errorX, errorW));
    }
  }
  return result;
}

function tokenCount(hidden: number, task: CheckForwardRows, returned: Float32Array, stride: number): number {
  const { input, expertIds, weights, topK } = task;
  const tokens = input.length / hidden;
  if (!Number.isInteger(tokens)) throw new InvariantError(`${input.length} values are no tokens of ${hidden}`);
  if (expertIds.length < tokens * topK || weights.length < tokens * topK || returned.length !== tokens * stride) {
    throw new InvariantError(
      `${tokens} tokens, top-${topK}, do not fit ${expertIds.length} expert ids, ${weights.length} weights and ` +
        `${returned.length} returned values`,
    );
  }
  return tokens;
}

type CheckForwardRows = Pick<CheckForwardTask, 'seed' | 'layer' | 'input' | 'expertIds' | 'weights' | 'topK'>;

function* blocks(tokens: number, hidden: number): Generator<{ first: number; count: number }> {
  const size = Math.max(1, Math.floor(BLOCK_VALUES / hidden));
  for (let first = 0; first < tokens; first += size) yield { first, count: Math.min(size, tokens - first) };
}

/**
 * The rows of `count` tokens grouped by expert, ascending, so that weights are generated once per expert; `expert` is
 * made the row's before each is yielded.
 */
function* rowsByExpert(
  task: CheckForwardRows,
  firstToken: number,
  count: number,
  expert: PlainExpert,
): Generator<number> {
  const { seed, layer, expertIds, topK } = task;
  const firstRow = firstToken * topK;
  const endRow = firstRow + count * topK;
  // A chain of rows for each expert, built backwards so that it is walked in ascending order.
  const heads = new Int32Array(65536).fill(-1);
  const next = new Int32Array(count * topK);
  for (let row = endRow - 1; row >= firstRow; row--) {
    next[row - firstRow] = heads[expertIds[row]];
    heads[expertIds[row]] = row;
  }
  for (let index = 0; index < heads.length; index++) {
    if (heads[index] < 0) continue;
    expert.become(seed, layer, index);
    for (let row = heads[index]; row >= 0; row = next[row - firstRow]) yield row;
  }
}

function addScaled(target: Float64Array, at: number, values: Float64Array, weight: number): void {
  for (let i = 0; i < values.length; i++) target[at + i] += weight * values[i];
}

function emptyResult(): NumericsResult {
  return { tokensChecked: 0, missing: 0, duplicated: 0, wrong: 0, maxRelativeError: 0 };
}

/** @returns ‖got − expected‖ / max(‖expected‖, least); 0 where nothing differs. */
function relativeError(
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

function countRows(result: NumericsResult, rows: number, topK: number): void {
  result.tokensChecked++;
  if (rows > topK) result.duplicated++;
  // Not `rows < topK`: a count that is not a number is no row either.
  else if (!(rows >= topK)) result.missing++;
}

function judge(result: NumericsResult, error: number): void {
  const known = Number.isNaN(error) ? Infinity : error;
  if (known > TOLERANCE) result.wrong++;
  if (known > result.maxRelativeError) result.maxRelativeError = known;
}
