import type { TraceRank, TraceSet } from '../model.js';
import type { Collective } from './collectives.js';

/** Moves a rank's times. */
function moved(rank: TraceRank, byNs: number): TraceRank {
  if (byNs === 0) return rank;
  for (const column of ['startNs', 'endNs'] as const) {
    const times = rank.kernels.column(column);
    for (let row = 0; row < times.length; row++) times[row] = times[row] + byNs;
  }
  const move = <Item extends { readonly startNs: number; readonly endNs: number }>(item: Item): Item => {
    return { ...item, startNs: item.startNs + byNs, endNs: item.endNs + byNs };
  };
  return { ...rank, instances: rank.instances.map(move), transfers: rank.transfers.map(move) };
}

/** Moves times of all ranks so that they are on the first one's clock, from 0 on. */
export function onOneClock(set: TraceSet, offsets: ReadonlyMap<number, number>): TraceSet {
  let zeroNs = Number.POSITIVE_INFINITY;
  for (const { rank, kernels } of set.ranks) {
    zeroNs = Math.min(zeroNs, kernels.column('startNs')[0] - (offsets.get(rank) ?? 0));
  }
  return { ...set, ranks: set.ranks.map((rank) => moved(rank, -(offsets.get(rank.rank) ?? 0) - zeroNs)) };
}

/** @returns from when to when a rank's kernels run, ns. */
function windowOf({ kernels }: TraceRank): readonly [number, number] {
  let endNs = Number.NEGATIVE_INFINITY;
  for (const each of kernels.column('endNs')) endNs = Math.max(endNs, each);
  return [kernels.column('startNs')[0], endNs];
}

/**
 * @returns ranks whose clocks nothing compares with the others': they share no collective and no file with them, and
 * their times lie before all of theirs, or after.
 */
export function ranksApart({ ranks }: TraceSet, collectives: readonly Collective[]): number[] {
  const together = collectives.find(({ parts }) => parts.length > 1)?.parts.map(({ rank }) => rank) ?? [ranks[0].rank];
  const group = ranks.filter(({ rank }) => together.includes(rank));
  const files = new Set(group.map(({ file }) => file));
  let [startNs, endNs] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  const take = (rank: TraceRank): void => {
    const [from, to] = windowOf(rank);
    [startNs, endNs] = [Math.min(startNs, from), Math.max(endNs, to)];
  };
  group.forEach(take);
  const apart: number[] = [];
  for (const rank of ranks) {
    if (together.includes(rank.rank)) continue;
    const [from, to] = windowOf(rank);
    if (!files.has(rank.file) && (from >= endNs || to <= startNs)) apart.push(rank.rank);
    else take(rank);
  }
  return apart;
}

/** Moves each rank that is apart to a start of its own, and all others together to theirs. */
export function onOwnClocks(set: TraceSet, apart: readonly number[]): TraceSet {
  const group = set.ranks.filter(({ rank }) => !apart.includes(rank));
  const zeroNs = Math.min(...group.map(({ kernels }) => kernels.column('startNs')[0]));
  const startOf = (rank: TraceRank): number => (apart.includes(rank.rank) ? rank.kernels.column('startNs')[0] : zeroNs);
  return { ...set, ranks: set.ranks.map((rank) => moved(rank, -startOf(rank))) };
}
