import type { Collective } from './collectives.js';

/** @returns the ranks in sets that collectives join, directly or by way of others; each ascending, by their lowest. */
export function joinedRanks(ranks: readonly number[], collectives: readonly Collective[]): number[][] {
  const parent = new Map(ranks.map((rank) => [rank, rank]));
  const rootOf = (rank: number): number => {
    let root = rank;
    while (parent.get(root) !== root) root = parent.get(root)!;
    // The way is short from now on.
    for (let at = rank; at !== root;) {
      const next = parent.get(at)!;
      parent.set(at, root);
      at = next;
    }
    return root;
  };
  for (const { parts } of collectives) {
    const [a, ...others] = parts.map(({ rank }) => rootOf(rank));
    for (const b of others) parent.set(rootOf(b), rootOf(a));
  }
  const sets = new Map<number, number[]>();
  for (const rank of [...ranks].sort((a, b) => a - b)) {
    const root = rootOf(rank);
    const set = sets.get(root);
    if (set === undefined) sets.set(root, [rank]);
    else set.push(rank);
  }
  return [...sets.values()];
}
