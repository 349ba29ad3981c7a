import { holds, type Assignment } from './assignment.js';

/**
 * Which experts a token may be moved to: those of the groups its router kept; those that leave it with at most
 * `topGroups` groups; or any.
 */
export type Freedom = 'kept-groups' | 'group-count' | 'any';

/**
 * Takes one row from an over-quota expert and gives one to an under-quota expert, along the shortest chain of moves
 * (breadth-first search over experts; the edge e → f is a token that has e and may have f instead). Deterministic:
 * experts and tokens are visited in ascending order.
 *
 * @returns whether there was such a chain; nothing changed if not.
 */
export function augment(assignment: Assignment, freedom: Freedom): boolean {
  const { excess } = assignment;
  const experts = excess.length;
  const search: Search = {
    previous: new Int32Array(experts).fill(-1),
    token: new Int32Array(experts).fill(-1),
    unseen: [],
    allowed: new Uint8Array(assignment.groups),
  };
  const queue: number[] = [];
  for (let expert = 0; expert < experts; expert++) {
    if (excess[expert] > 0) queue.push(expert);
    else search.unseen.push(expert);
  }
  for (let head = 0; head < queue.length; head++) {
    const found = expand(assignment, freedom, search, queue[head], queue);
    if (found < 0) continue;
    apply(assignment, search, found);
    return true;
  }
  return false;
}

interface Search {
  /** The expert from which each was reached, and the token that would move. */
  readonly previous: Int32Array;
  readonly token: Int32Array;
  /** Experts not reached yet, ascending. */
  unseen: number[];
  /** Scratch: groups that the token at hand may move to. */
  readonly allowed: Uint8Array;
}

/** Reaches what one move from `from` reaches. @returns an under-quota expert, or −1. */
function expand(assignment: Assignment, freedom: Freedom, search: Search, from: number, queue: number[]): number {
  const { tokens, groupSize, excess } = assignment;
  for (let token = 0; token < tokens && search.unseen.length > 0; token++) {
    if (!holds(assignment, token, from)) continue;
    // Two moves of one token are judged apart; together they could exceed the group limit.
    if (freedom === 'group-count' && onPath(search, from, token)) continue;
    allowGroups(assignment, freedom, token, from, search.allowed);
    const still: number[] = [];
    for (const to of search.unseen) {
      if (search.allowed[Math.floor(to / groupSize)] === 0 || holds(assignment, token, to)) {
        still.push(to);
        continue;
      }
      search.previous[to] = from;
      search.token[to] = token;
      if (excess[to] < 0) return to;
      queue.push(to);
    }
    search.unseen = still;
  }
  return -1;
}

function onPath(search: Search, end: number, token: number): boolean {
  for (let expert = end; expert >= 0; expert = search.previous[expert]!) {
    if (search.token[expert] === token) return true;
  }
  return false;
}

/** Marks the groups in which `token` may have an expert instead of `from`. */
function allowGroups(assignment: Assignment, freedom: Freedom, token: number, from: number, allowed: Uint8Array): void {
  const { groups, topK, topGroups, groupSize, expertIds, keptGroups } = assignment;
  if (freedom === 'kept-groups') {
    for (let group = 0; group < groups; group++) allowed[group] = keptGroups[token * groups + group];
    return;
  }
  allowed.fill(freedom === 'any' ? 1 : 0);
  if (freedom === 'any') return;
  let used = 0;
  for (let row = token * topK; row < (token + 1) * topK; row++) {
    const group = Math.floor(expertIds[row] / groupSize);
    if (expertIds[row] === from || allowed[group] === 1) continue;
    allowed[group] = 1;
    used++;
  }
  if (used < topGroups) allowed.fill(1);
}

function apply(assignment: Assignment, search: Search, end: number): void {
  const { topK, expertIds, excess } = assignment;
  let to = end;
  for (let from = search.previous[to]; from >= 0; from = search.previous[to]!) {
    const row = expertIds.indexOf(from, search.token[to] * topK);
    expertIds[row] = to;
    to = from;
  }
  excess[end]++;
  excess[to]--;
}
