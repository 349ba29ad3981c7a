import { inclusionOf } from './inclusion.js';
import type { RoutingRequest } from './shape.js';
import { rowsPerExpert } from './statistics.js';

/** Something about a call's routing that is wrong, or that a reader of its figures should know. */
export interface RoutingProblem {
  readonly severity: 'error' | 'warning';
  readonly layer: number;
  readonly microBatch: number;
  readonly rank: number;
  readonly message: string;
}

/** Weights of a token add up to 1 within what 32 bits hold. */
const WEIGHT_ERROR = 1e-5;

/**
 * Looks whether a rank's routing is one: distinct experts that exist, within the groups that a token may have, weights
 * that add up to 1, equal rows where they are balanced; and whether loads ask for more than tokens can give.
 */
export function lintCall(request: RoutingRequest, expertIds: Uint16Array, weights: Float32Array): RoutingProblem[] {
  const { layer, microBatch, rank, tokens, shape } = request;
  const { topK, experts, groups, topGroups } = shape;
  const found: RoutingProblem[] = [];
  const tell = (severity: 'error' | 'warning', message: string): void => {
    found.push({ severity, layer, microBatch, rank, message });
  };
  const outside: number[] = [];
  for (let token = 0; token < tokens; token++) {
    const rows = [token * topK, (token + 1) * topK] as const;
    const ids = expertIds.subarray(...rows);
    if (new Set(ids).size !== topK || ids.some((id) => id >= experts)) {
      tell('error', `token ${token} goes to the experts ${[...ids].join(', ')}, which are not ${topK} different ones`);
    }
    if (new Set(Array.from(ids, (id) => Math.floor((id * groups) / experts))).size > topGroups) outside.push(token);
    const sum = weights.subarray(...rows).reduce((total, weight) => total + weight, 0);
    if (!(Math.abs(sum - 1) <= WEIGHT_ERROR)) tell('error', `the weights of token ${token} add up to ${sum}, not to 1`);
  }
  if (outside.length > 0) {
    const [first] = outside;
    const whom = outside.length === 1 ? `token ${first} goes` : `${outside.length} tokens (the first: ${first}) go`;
    // Equal rows come before the limit.
    const severity = request.kind === 'balanced' ? 'warning' : 'error';
    tell(severity, `${whom} to more than ${topGroups} of the ${groups} expert groups`);
  }
  if (request.kind === 'balanced') {
    const rows = rowsPerExpert(expertIds, tokens * topK, experts);
    const [least, most] = [Math.min(...rows), Math.max(...rows)];
    if (most - least > ((tokens * topK) % experts === 0 ? 0 : 1)) {
      tell('error', `balanced routing gives experts ${least} to ${most} rows`);
    }
  }
  // The same of all ranks and micro-batches: told once a layer.
  if (rank === 0 && microBatch === 0 && request.loads !== undefined) {
    const sum = request.loads.reduce((total, load) => total + load, 0);
    const chance = inclusionOf(request.loads, topK);
    request.loads.forEach((load, expert) => {
      const wanted = (load / sum) * topK;
      if (chance[expert] < 1 || wanted <= 1) return;
      const share = `${wanted.toFixed(3)} rows a token are loaded on expert ${expert}`;
      tell('warning', `${share}, but a token goes to it once; the others get what is left`);
    });
  }
  return found;
}
