import { GOLDEN, hash32, mix32 } from '@epemu/core';
import type { WeightKey, WeightKind } from './tasks.js';

/** Width of the hidden layer of every stand-in function: enough to be non-linear, cheap enough for any scenario. */
export const INNER = 16;

const WEIGHT_TAG = 0x77676874;
const KIND_CODE: Readonly<Record<WeightKind, number>> = { expert: 1, shared: 2, attention: 3, dense: 4 };

/** Uniform in [−1, 1] from a 32-bit hash. */
export function symmetricUnit(hash: number): number {
  return (hash + 0.5) / 0x80000000 - 1;
}

/**
 * Writes W1 [16 × hidden] and W2 [hidden × 16], row-major, uniform in ±1/sqrt(fan-in), by hash of the key and the
 * position alone. The division and the square root are exact in IEEE 754: the same bits on every machine.
 */
export function generateWeights(key: WeightKey, hidden: number, w1: Float32Array, w2: Float32Array): void {
  let counter = hash32(WEIGHT_TAG, key.seed, key.layer, KIND_CODE[key.kind], key.index) | 0;
  const size = INNER * hidden;
  const scale1 = 1 / Math.sqrt(hidden);
  const scale2 = 1 / Math.sqrt(INNER);
  for (let i = 0; i < size; i++) {
    w1[i] = scale1 * symmetricUnit(mix32(counter));
    counter = (counter + GOLDEN) | 0;
  }
  for (let i = 0; i < size; i++) {
    w2[i] = scale2 * symmetricUnit(mix32(counter));
    counter = (counter + GOLDEN) | 0;
  }
}
