import { InvariantError } from '@epemu/core';
import { holds, type Assignment } from './assignment.js';
import { augment, type Freedom } from './augment.js';
import { drawOf, tokenKey } from './draws.js';
import { rowsPerExpert } from './statistics.js';
import type { RoutingRequest } from './shape.js';

/**
 * Rows that one source rank gives each expert: an equal share of tokens × topK. What does not divide goes, one row
 * each, to consecutive experts that begin where the rank before ended, so that the totals over ranks with equally many
 * tokens differ by at most one, and not at all where ranks × tokens × topK divides.
 */
export function quotas(request: RoutingRequest): Uint32Array {
  const { experts, topK } = request.shape;
  const rows = request.tokens * topK;
  const remainder = rows % experts;
  const quota = new Uint32Array(experts).fill((rows - remainder) / experts);
  const start = (request.rank * remainder) % experts;
  for (let i = 0; i < remainder; i++) quota[(start + i) % experts]++;
  return quota;
}

/**
 * Repairs a statistical choice until every expert has exactly its quota, at small cost in score, so that the traffic
 * (nodes and ranks per token) stays that of the router: balancing by pattern would falsify it.
 *
 * 1. rows of over-quota experts, the worst slots first, to the best-scored under-quota expert in the groups that the
 *    token's router kept; 2. chains of such moves (augmenting paths); 3. moves to other groups, at most `topGroups`
 *    a token; 4. where a handful of tokens leaves no other way, any expert: equal rows come before the group limit.
 *
 * @param keptGroups [tokens × groups], 1 where the token's router kept the group.
 * @throws InvariantError if the counts are not equal in the end.
 */
export function balance(request: RoutingRequest, call: number, expertIds: Uint16Array, keptGroups: Uint8Array): void {
  const { experts, topK, groups, topGroups, rankSize, nodeSize } = request.shape;
  const tokens = request.tokens;
  const quota = quotas(request);
  const excess = new Int32Array(rowsPerExpert(expertIds, tokens * topK, experts));
  for (let expert = 0; expert < experts; expert++) excess[expert] -= quota[expert];
  const groupSize = experts / groups;
  const nodeExperts = rankSize * nodeSize;
  const assignment = { tokens, topK, groups, topGroups, groupSize, nodeExperts, expertIds, keptGroups, excess };
  let surplus = 0;
  for (const rows of excess) if (rows > 0) surplus += rows;

  surplus -= moveDirectly(assignment, call, surplus, true);
  surplus -= moveDirectly(assignment, call, surplus, false);
  const freedoms: Freedom[] = ['kept-groups', 'group-count', 'any'];
  for (const freedom of freedoms) while (surplus > 0 && augment(assignment, freedom)) surplus--;
  assertQuotas(request, quota, expertIds);
}

/**
 * @param sameNodes whether a move must leave the token's number of distinct nodes as it is. Moves free of that lower
 * it: the worst slots are often the only ones in their group. It would cost decode 2 % of its RDMA traffic.
 * @returns how many rows were moved, at most `surplus`.
 */
function moveDirectly(assignment: Assignment, call: number, surplus: number, sameNodes: boolean): number {
  const { tokens, topK, nodeExperts, expertIds, excess } = assignment;
  const nodeRows = new Uint16Array(Math.ceil(excess.length / nodeExperts));
  let moved = 0;
  for (let slot = topK - 1; slot >= 0; slot--) {
    for (let token = 0; token < tokens && moved < surplus; token++) {
      const row = token * topK + slot;
      const from = expertIds[row];
      if (excess[from] <= 0) continue;
      nodeRows.fill(0);
      for (let other = token * topK; other < (token + 1) * topK; other++) {
        if (other !== row) nodeRows[Math.floor(expertIds[other] / nodeExperts)]++;
      }
      const to = bestUnderQuota(assignment, tokenKey(call, token), token, from, sameNodes ? nodeRows : undefined);
      if (to < 0) continue;
      expertIds[row] = to;
      excess[from]--;
      excess[to]++;
      moved++;
    }
  }
  return moved;
}

/**
 * @param nodeRows the token's other rows per node, if its number of nodes is to stay as it is.
 * @returns the token's best-scored expert that is under its quota, in a kept group and not yet the token's; or −1.
 */
function bestUnderQuota(
  assignment: Assignment,
  key: number,
  token: number,
  from: number,
  nodeRows: Uint16Array | undefined,
): number {
  const { groups, groupSize, nodeExperts, keptGroups, excess } = assignment;
  const alone = nodeRows?.[Math.floor(from / nodeExperts)] === 0;
  let best = -1;
  let bestDraw = -Infinity;
  for (let group = 0; group < groups; group++) {
    if (keptGroups[token * groups + group] === 0) continue;
    for (let expert = group * groupSize; expert < (group + 1) * groupSize; expert++) {
      if (excess[expert] >= 0) continue;
      const draw = drawOf(key, expert);
      if (draw <= bestDraw || holds(assignment, token, expert)) continue;
      if (nodeRows !== undefined && (nodeRows[Math.floor(expert / nodeExperts)] === 0) !== alone) continue;
      best = expert;
      bestDraw = draw;
    }
  }
  return best;
}

function assertQuotas(request: RoutingRequest, quota: Uint32Array, expertIds: Uint16Array): void {
  const rows = rowsPerExpert(expertIds, request.tokens * request.shape.topK, request.shape.experts);
  for (let expert = 0; expert < quota.length; expert++) {
    if (rows[expert] === quota[expert]) continue;
    throw new InvariantError(
      `balanced routing gave expert ${expert} of layer ${request.layer} ${rows[expert]} rows from rank ` +
        `${request.rank}, its share is ${quota[expert]}`,
    );
  }
}
