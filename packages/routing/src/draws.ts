import { GOLDEN, exponential, hash32, mix32, normalQuantile, normalQuantileTable, sigmoid } from '@epemu/core';
import type { Scoring } from '@epemu/core';

/**
 * The score of (token, expert) is sigmoid(z), or exp(z) where a softmax divides it by the sum of all, z a standard normal
 * by hash. It is handled as a *draw*: a signed 32-bit
 * integer, uniform, of which the score is a strictly increasing function, so that choosing by draw is choosing by
 * score and only the few scores whose value matters are ever looked up.
 */

/** Keeps the router's hashes apart from other users of the same (seed, layer, …). */
const SCORE_TAG = 0x726f7574;
const BIAS_TAG = 0x62696173;

/** @returns the key that all tokens of one call share. */
export function callKey(request: { seed: number; layer: number; microBatch: number; rank: number }): number {
  return hash32(SCORE_TAG, request.seed, request.layer, request.microBatch, request.rank);
}

/** @returns the key of one token, hashed once; its draws are mixed from it. */
export function tokenKey(call: number, token: number): number {
  return mix32(call + Math.imul(token, GOLDEN));
}

/** @returns the draw of (token, expert): a signed 32-bit integer that orders as the scores do. */
export function drawOf(key: number, expert: number): number {
  return mix32(key + Math.imul(expert, GOLDEN)) | 0;
}

/** The table has 2^12 cells; the other bits of a draw interpolate inside one. */
export const FRACTION_BITS = 20;
export const FRACTION_MASK = (1 << FRACTION_BITS) - 1;
/** 2^-20: exact. */
export const FRACTION_UNIT = 1 / (1 << FRACTION_BITS);
/** Index of draw 0 in the table. */
export const TABLE_CENTRE = 2048;

const FUNCTIONS: Readonly<Record<Scoring, (z: number) => number>> = { sigmoid, softmax: exponential };
const tables: Partial<Record<Scoring, Float64Array>> = {};

/**
 * @returns scores at the 4097 grid points of the table of normal quantiles, for inner loops: sigmoid(z), or exp(z), which
 * is softmax's before it is divided by what all of the token's add up to.
 */
export function scoreTable(scoring: Scoring = 'sigmoid'): Float64Array {
  return (tables[scoring] ??= normalQuantileTable().map(FUNCTIONS[scoring]));
}

/** @returns the score of a draw, by linear interpolation in {@link scoreTable}. */
export function scoreOf(scores: Float64Array, draw: number): number {
  const index = (draw >> FRACTION_BITS) + TABLE_CENTRE;
  const low = scores[index];
  return low + (draw & FRACTION_MASK) * FRACTION_UNIT * (scores[index + 1] - low);
}

/** @returns one constant per expert, `deviation` × a normal deviate by hash of (seed, layer, expert). */
export function expertBias(seed: number, layer: number, experts: number, deviation: number): Float64Array {
  const bias = new Float64Array(experts);
  for (let expert = 0; expert < experts; expert++) {
    bias[expert] = deviation * normalQuantile(hash32(BIAS_TAG, seed, layer, expert));
  }
  return bias;
}
