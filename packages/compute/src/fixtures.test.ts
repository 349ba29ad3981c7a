import { GOLDEN, hash32, mix32 } from '@epemu/core';
import { routeTokens } from '@epemu/routing';
import { sharedFloat32, sharedUint16, sharedUint32, sharedUint8 } from './shared.js';
import { generateWeights, INNER, symmetricUnit } from './weights.js';
import type { ExpertBackwardTask, WeightKey } from './tasks.js';

/** Values uniform in [−1, 1], in shared memory. */
export function randomValues(length: number, seed: number): Float32Array {
  const base = hash32(seed);
  const values = sharedFloat32(length);
  for (let i = 0; i < length; i++) values[i] = symmetricUnit(mix32(base + Math.imul(i, GOLDEN)));
  return values;
}

/** Weights of one function in fresh arrays. */
export function weightsOf(key: WeightKey, hidden: number): { w1: Float32Array; w2: Float32Array } {
  const weights = { w1: new Float32Array(INNER * hidden), w2: new Float32Array(INNER * hidden) };
  generateWeights(key, hidden, weights.w1, weights.w2);
  return weights;
}

/** y = W2 · softsign(W1 · x) in float64, for finite differences. */
export function plainFunction(key: WeightKey, x: readonly number[]): number[] {
  const { w1, w2 } = weightsOf(key, x.length);
  const h = Array.from({ length: INNER }, (_, j) => {
    const a = x.reduce((sum, value, i) => sum + w1[j * x.length + i] * value, 0);
    return a / (1 + Math.abs(a));
  });
  return x.map((_, i) => h.reduce((sum, value, j) => sum + w2[i * INNER + j] * value, 0));
}

/** A rank that holds all experts and received all tokens: what one rank alone would be sent. */
export interface Batch extends ExpertBackwardTask {
  expertIds: Uint16Array;
  weights: Float32Array;
  /** [n × (hidden + 1)], for expertForward. */
  combined: Float32Array;
}

/** Routes random tokens and sorts their rows by expert, as the rank runtime does. */
export function makeBatch(tokens: number, hidden: number, experts: number, topK: number, seed = 1): Batch {
  const rows = tokens * topK;
  const expertIds = sharedUint16(rows);
  const weights = sharedFloat32(rows);
  const shape = {
    experts,
    topK,
    groups: 1,
    topGroups: 1,
    groupScoreExperts: 2,
    ranks: 1,
    rankSize: experts,
    nodeSize: 1,
  };
  routeTokens({ kind: 'statistical', seed, layer: 2, microBatch: 0, rank: 0, tokens, shape }, expertIds, weights);
  const expertOffsets = sharedUint32(experts + 1);
  for (const expert of expertIds) expertOffsets[expert + 1]++;
  for (let expert = 0; expert < experts; expert++) expertOffsets[expert + 1] += expertOffsets[expert];
  const next = expertOffsets.slice();
  const rowToken = sharedUint32(rows);
  const rowWeight = sharedFloat32(rows);
  const rowSlot = sharedUint8(rows);
  expertIds.forEach((expert, row) => {
    const at = next[expert]++;
    rowToken[at] = Math.floor(row / topK);
    rowWeight[at] = weights[row];
    rowSlot[at] = row % topK;
  });
  return {
    keys: Array.from({ length: experts }, (_, index) => ({ seed, layer: 2, kind: 'expert' as const, index })),
    tokens: randomValues(tokens * hidden, seed + 100),
    gradient: randomValues(tokens * hidden, seed + 200),
    rowToken,
    rowWeight,
    rowSlot,
    topK,
    expertOffsets,
    expertIds,
    weights,
    partial: sharedFloat32(tokens * (hidden + 1 + topK)),
    combined: sharedFloat32(tokens * (hidden + 1)),
  };
}
