import { InvariantError, hash32, unitInterval } from '@epemu/core';

/** Experts of all ranks, their ranks, and what goes to them. */
export interface ExpertLoads {
  readonly experts: number;
  readonly ranks: number;
  readonly topK: number;
  /** Of all ranks together. */
  readonly tokens: number;
}

/** The measurements drew five loads and took the mean. More draws tell the mean of what they may have drawn. */
const DRAWS = 8;

/** Moves `count` rows one by one, rank after rank, to the expert with the fewest or from the one with the most. */
function adjust(rows: number[][], count: number, step: 1 | -1, most: number): void {
  let left = count;
  while (left > 0) {
    const before = left;
    for (const rank of rows) {
      if (left === 0) break;
      let chosen = -1;
      rank.forEach((value, i) => {
        if (step === 1 ? value >= most : value <= 0) return;
        if (chosen < 0 || (step === 1 ? value < rank[chosen] : value > rank[chosen])) chosen = i;
      });
      if (chosen < 0) continue;
      const room = step === 1 ? most - rank[chosen] : rank[chosen];
      // Many at once as long as there are many; one by one at last.
      const moved = Math.max(1, Math.min(room, left, Math.floor(left / (4 * rows.length * rank.length))));
      rank[chosen] += step * moved;
      left -= moved;
    }
    if (left === before) throw new InvariantError(`${left} rows find no expert`);
  }
}

/** One draw: weights of experts by a power law with bounds, rows by them, none above one a token; the busiest rank's. */
function drawnRows({ experts, ranks, topK, tokens }: ExpertLoads, exponent: number, next: () => number): number[] {
  const all = tokens * topK;
  const [least, most] = all > experts ? [1, tokens * 0.8] : [0.01, 2];
  const power = 1 - exponent;
  const [low, high] = [least ** power, most ** power];
  const weights = Array.from({ length: experts }, () => ((high - low) * next() + low) ** (1 / power));
  const sum = weights.reduce((total, weight) => total + weight, 0);
  const perRank = experts / ranks;
  const rows = Array.from({ length: ranks }, (_, rank) =>
    weights.slice(rank * perRank, (rank + 1) * perRank).map((weight) => Math.round((weight / sum) * all)),
  );
  let over = 0;
  for (const rank of rows) {
    rank.forEach((value, i) => {
      over += Math.max(0, value - tokens);
      rank[i] = Math.min(value, tokens);
    });
  }
  adjust(rows, over, 1, tokens);
  const missing = all - rows.flat().reduce((total, value) => total + value, 0);
  adjust(rows, Math.abs(missing), missing > 0 ? 1 : -1, tokens);
  const total = (rank: readonly number[]): number => rank.reduce((sumOf, value) => sumOf + value, 0);
  return rows.reduce((busiest, rank) => (total(rank) > total(busiest) ? rank : busiest));
}

/**
 * @param exponent of the power law that the experts' loads follow.
 * @returns the rows of each expert of the busiest rank, in several draws, always the same ones.
 */
export function powerLawRows(loads: ExpertLoads, exponent: number): number[][] {
  const { experts, ranks, topK, tokens } = loads;
  // Of its own for each load: the figures of a row do not depend on the rows before it.
  const seed = hash32(experts, ranks, topK, tokens, Math.round(exponent * 1000));
  let draws = 0;
  const next = (): number => unitInterval(hash32(seed, draws++));
  return Array.from({ length: DRAWS }, () => drawnRows(loads, exponent, next));
}
