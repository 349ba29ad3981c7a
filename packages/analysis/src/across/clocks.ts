import { largest } from '@epemu/core';
import { RankView } from '@epemu/timeline';
import type { TraceSet } from '../model.js';
import type { Collective } from './collectives.js';

/** Moves a rank's times. */
function moved(view: RankView, byNs: number): RankView {
  if (byNs === 0) return view;
  const { content } = view;
  const { kernels } = content;
  const times = (values: Float64Array): Float64Array => values.map((ns) => ns + byNs);
  const move = <Item extends { readonly startNs: number; readonly endNs: number }>(item: Item): Item => {
    return { ...item, startNs: item.startNs + byNs, endNs: item.endNs + byNs };
  };
  return new RankView({
    ...content,
    kernels: {
      ...kernels,
      startNs: times(kernels.startNs),
      endNs: times(kernels.endNs),
      launchNs: times(kernels.launchNs),
    },
    instances: content.instances.map(move),
    transfers: content.transfers.map(move),
  });
}

/** Moves times of all ranks so that they are on the first one's clock, from 0 on. */
export function onOneClock(set: TraceSet, offsets: ReadonlyMap<number, number>): TraceSet {
  let zeroNs = Number.POSITIVE_INFINITY;
  for (const { rank, content } of set.ranks) {
    zeroNs = Math.min(zeroNs, content.kernels.startNs[0] - (offsets.get(rank) ?? 0));
  }
  return { ...set, ranks: set.ranks.map((view) => moved(view, -(offsets.get(view.rank) ?? 0) - zeroNs)) };
}

/** @returns from when to when a rank's kernels run, ns. */
function windowOf({ content: { kernels } }: RankView): readonly [number, number] {
  return [kernels.startNs[0], largest(kernels.endNs)];
}

/**
 * @returns ranks whose clocks nothing compares with the others': they share no collective and no file with them, and
 * their times lie before all of theirs, or after.
 */
export function ranksApart({ ranks }: TraceSet, collectives: readonly Collective[]): number[] {
  const together = collectives.find(({ parts }) => parts.length > 1)?.parts.map(({ rank }) => rank) ?? [ranks[0].rank];
  const group = ranks.filter(({ rank }) => together.includes(rank));
  const files = new Set(group.map(({ content }) => content.file));
  let [startNs, endNs] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  const take = (rank: RankView): void => {
    const [from, to] = windowOf(rank);
    [startNs, endNs] = [Math.min(startNs, from), Math.max(endNs, to)];
  };
  group.forEach(take);
  const apart: number[] = [];
  for (const rank of ranks) {
    if (together.includes(rank.rank)) continue;
    const [from, to] = windowOf(rank);
    if (!files.has(rank.content.file) && (from >= endNs || to <= startNs)) apart.push(rank.rank);
    else take(rank);
  }
  return apart;
}

/** Moves each rank that is apart to a start of its own, and all others together to theirs. */
export function onOwnClocks(set: TraceSet, apart: readonly number[]): TraceSet {
  const group = set.ranks.filter(({ rank }) => !apart.includes(rank));
  const zeroNs = Math.min(...group.map(({ content }) => content.kernels.startNs[0]));
  const startOf = ({ rank, content }: RankView): number => (apart.includes(rank) ? content.kernels.startNs[0] : zeroNs);
  return { ...set, ranks: set.ranks.map((rank) => moved(rank, -startOf(rank))) };
}
