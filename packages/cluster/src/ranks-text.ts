/** @returns ascending ranks that follow each other: `rank 5`, `ranks 8–15`. */
export function ranksText(ranks: readonly number[]): string {
  const [first, last] = [ranks[0], ranks[ranks.length - 1]];
  return first === last ? `rank ${first}` : `ranks ${first}–${last}`;
}
