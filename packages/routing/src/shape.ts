import { InvariantError } from '@epemu/core';
import type { RouterShape } from '@epemu/core';

/**
 * Equal loads, independent scores, scores with a fixed bias, loads that follow a law, or loads as they were counted:
 * docs/real-and-modelled.md.
 */
export const ROUTING_KINDS = ['balanced', 'statistical', 'biased', 'skewed', 'measured'] as const;
export type RoutingKind = (typeof ROUTING_KINDS)[number];

/** One rank's tokens of one call of one layer. */
export interface RoutingRequest {
  kind: RoutingKind;
  seed: number;
  layer: number;
  /** Tells micro-batches, or other calls of the same layer, apart. */
  microBatch: number;
  /** Source rank: the tokens are its own. */
  rank: number;
  /** How many tokens the rank routes in this call. */
  tokens: number;
  shape: RouterShape;
  /**
   * Standard deviation of `biased`'s constant per (layer, expert) on the sigmoid score.
   * @default 0.009, which gives the row spread of DeepSeek's published training trace.
   */
  biasDeviation?: number;
  /** Relative load of each expert, at least `topK` of them above 0: of `skewed` and `measured`, which need it. */
  loads?: readonly number[];
}

/** @throws InvariantError, which names the field, when the shape or the arrays cannot be routed. */
export function checkRequest(request: RoutingRequest, expertIds: Uint16Array, weights: Float32Array): void {
  const { tokens, shape } = request;
  const { experts, topK, groups, topGroups } = shape;
  const fail = (what: string): never => {
    throw new InvariantError(`cannot route: ${what}`);
  };
  for (const [name, value] of Object.entries({ experts, topK, groups, topGroups })) {
    if (!Number.isInteger(value) || value < 1) fail(`${name} is ${value}, not a positive integer`);
  }
  if (!Number.isInteger(tokens) || tokens < 0) fail(`tokens is ${tokens}, not a count`);
  if (![1, 2].includes(shape.groupScoreExperts)) fail(`groupScoreExperts is ${shape.groupScoreExperts}, not 1 or 2`);
  if (experts > 65536) fail(`${experts} experts, expert ids have 16 bits`);
  if (experts % groups !== 0) fail(`${experts} experts do not divide into ${groups} groups`);
  if (topGroups > groups) fail(`topGroups ${topGroups} of only ${groups} groups`);
  if (topK > topGroups * (experts / groups)) {
    fail(`topK ${topK} exceeds the ${topGroups * (experts / groups)} experts of ${topGroups} groups`);
  }
  if (request.kind === 'skewed' || request.kind === 'measured') checkLoads(request, fail);
  if (expertIds.length < tokens * topK || weights.length < tokens * topK) {
    fail(`${tokens} tokens × top-${topK} need ${tokens * topK} ids and weights`);
  }
}

function checkLoads({ kind, loads, shape }: RoutingRequest, fail: (what: string) => never): void {
  if (loads?.length !== shape.experts) fail(`${kind} needs the loads of ${shape.experts} experts`);
  const odd = loads?.find((load) => !(load >= 0) || load === Infinity);
  if (odd !== undefined) fail(`a load is ${odd}`);
}
