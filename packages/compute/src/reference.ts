import { InvariantError } from '@epemu/core';
import { NumericsTally, relativeError } from './numerics-tally.js';
import { PlainExpert } from './plain.js';
import type { CheckBackwardTask, CheckForwardTask, NumericsResult } from './tasks.js';

/**
 * The plain reference: what a token's combined row and gradients must be, from the token, its experts and its router
 * weights alone. No kernel, no communication, no collective code.
 */

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
  const tally = new NumericsTally();
  const expert = new PlainExpert(hidden);
  for (const { first, count } of blocks(tokens, hidden)) {
    const expected = new Float64Array(count * hidden);
    for (const row of rowsByExpert(task, first, count, expert)) {
      const token = Math.floor(row / topK);
      addScaled(expected, (token - first) * hidden, expert.forward(input, token * hidden), weights[row]);
    }
    for (let token = 0; token < count; token++) {
      const at = (first + token) * stride;
      tally.countRows(combined[at + hidden], topK);
      tally.judge(relativeError(combined, at, expected, token * hidden, hidden, 0));
    }
  }
  return tally.result;
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
  const tally = new NumericsTally();
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
      tally.countRows(returned[at + hidden], topK);
      const errorX = relativeError(returned, at, expectedX, token * hidden, hidden, 0);
      const least = CANCELLATION_FLOOR * Math.sqrt(squaredScale[token]);
      const errorW = relativeError(returned, at + hidden + 1, expectedW, token * topK, topK, least);
      tally.judge(Math.max(errorX, errorW));
    }
  }
  return tally.result;
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
    expert.become({ seed, layer, kind: 'expert', index });
    for (let row = heads[index]; row >= 0; row = next[row - firstRow]) yield row;
  }
}

function addScaled(target: Float64Array, at: number, values: Float64Array, weight: number): void {
  for (let i = 0; i < values.length; i++) target[at + i] += weight * values[i];
}
