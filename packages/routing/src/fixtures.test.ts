import { routeTokens } from './route.js';
import type { RouterShape } from '@epemu/core';
import type { RoutingRequest } from './shape.js';

/** DeepSeek-V3's router on a number of ranks, 8 to a node. */
export function v3Shape(ranks: number): RouterShape {
  return {
    experts: 256,
    topK: 8,
    groups: 8,
    topGroups: 4,
    groupScoreExperts: 2,
    ranks,
    rankSize: 256 / ranks,
    nodeSize: 8,
  };
}

/** Routes into fresh arrays. */
export function route(request: RoutingRequest): { expertIds: Uint16Array; weights: Float32Array } {
  const rows = request.tokens * request.shape.topK;
  const routed = { expertIds: new Uint16Array(rows), weights: new Float32Array(rows) };
  routeTokens(request, routed.expertIds, routed.weights);
  return routed;
}

/** @returns the standard deviation over the mean. */
export function relativeDeviation(values: ArrayLike<number>): number {
  const all = Array.from(values);
  const mean = all.reduce((sum, value) => sum + value, 0) / all.length;
  return Math.sqrt(all.reduce((sum, value) => sum + (value - mean) ** 2, 0) / all.length) / mean;
}
