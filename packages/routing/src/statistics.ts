import type { RouterShape } from '@epemu/core';

/** @returns how many of the first `rows` ids name each expert. */
export function rowsPerExpert(expertIds: Uint16Array, rows: number, experts: number): Uint32Array {
  const counts = new Uint32Array(experts);
  for (let row = 0; row < rows; row++) counts[expertIds[row]]++;
  return counts;
}

/** @returns how many rows go to each rank: one per (token, expert) pair. */
export function rowsPerRank(expertIds: Uint16Array, rows: number, shape: RouterShape): Uint32Array {
  const counts = new Uint32Array(shape.ranks);
  for (let row = 0; row < rows; row++) counts[Math.floor(expertIds[row] / shape.rankSize)]++;
  return counts;
}

/** @returns the mean number of distinct nodes that hold a token's experts; 0 for no tokens. */
export function nodesPerToken(expertIds: Uint16Array, tokens: number, shape: RouterShape): number {
  return distinctPerToken(expertIds, tokens, shape, shape.rankSize * shape.nodeSize);
}

/** @returns the mean number of distinct ranks that hold a token's experts; 0 for no tokens. */
export function ranksPerToken(expertIds: Uint16Array, tokens: number, shape: RouterShape): number {
  return distinctPerToken(expertIds, tokens, shape, shape.rankSize);
}

/** @param unitSize consecutive experts that count as one place. */
function distinctPerToken(expertIds: Uint16Array, tokens: number, shape: RouterShape, unitSize: number): number {
  const lastToken = new Int32Array(Math.ceil(shape.experts / unitSize)).fill(-1);
  let distinct = 0;
  for (let token = 0; token < tokens; token++) {
    for (let row = token * shape.topK; row < (token + 1) * shape.topK; row++) {
      const unit = Math.floor(expertIds[row] / unitSize);
      if (lastToken[unit] !== token) distinct++;
      lastToken[unit] = token;
    }
  }
  return tokens === 0 ? 0 : distinct / tokens;
}
