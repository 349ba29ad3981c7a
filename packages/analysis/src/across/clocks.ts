import { largest } from '@epemu/core';
import { RankView } from '@epemu/timeline';
import type { TraceSet } from '../model.js';
import type { Collective } from './collectives.js';
import { joinedRanks } from './components.js';

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
    steps: (content.steps ?? []).map(move),
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

/** Hosts whose times count from the epoch are seconds apart at most. */
const FAR_NS = 60e9;

/** Whether times say how ranks stand to each other, though no collective does: they count from one moment. */
function isComparable({ content: { isAbsolute, groups } }: RankView): boolean {
  return isAbsolute === true || (groups !== undefined && groups.size > 0);
}

/**
 * @returns ranks whose clocks nothing compares with the others': they share no collective and no file with them, and
 * their times lie before all of theirs, or after; where these count from the epoch, or other process groups explain it,
 * far before or after. Those that collectives join are together.
 */
export function ranksApart({ ranks }: TraceSet, collectives: readonly Collective[]): number[][] {
  const sets = joinedRanks(
    ranks.map(({ rank }) => rank),
    collectives,
  );
  const first = collectives.find(({ parts }) => parts.length > 1)?.parts[0].rank ?? ranks[0].rank;
  const byRank = new Map(ranks.map((view) => [view.rank, view]));
  const files = new Set<string>();
  let [startNs, endNs] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  const take = (views: readonly RankView[]): void => {
    for (const view of views) {
      const [from, to] = windowOf(view);
      [startNs, endNs] = [Math.min(startNs, from), Math.max(endNs, to)];
    }
  };
  const viewsOf = (set: readonly number[]): RankView[] => set.map((rank) => byRank.get(rank)!);
  const main = sets.find((set) => set.includes(first))!;
  take(viewsOf(main));
  for (const { content } of viewsOf(main)) files.add(content.file);
  const apart: number[][] = [];
  for (const set of sets) {
    if (set === main) continue;
    const views = viewsOf(set);
    const windows = views.map(windowOf);
    const from = Math.min(...windows.map(([start]) => start));
    const to = Math.max(...windows.map(([, end]) => end));
    const least = views.every(isComparable) ? FAR_NS : 0;
    const isFar = from >= endNs + least || to <= startNs - least;
    if (isFar && !views.some(({ content }) => files.has(content.file))) apart.push(set);
    else take(views);
  }
  return apart;
}

/** Moves ranks that are apart to a start of their own, and all others together to theirs. */
export function onOwnClocks(set: TraceSet, apart: readonly (readonly number[])[]): TraceSet {
  const startOf = (ranks: readonly RankView[]): number =>
    Math.min(...ranks.map(({ content }) => content.kernels.startNs[0]));
  const isApart = new Set(apart.flat());
  const zeroNs = startOf(set.ranks.filter(({ rank }) => !isApart.has(rank)));
  const starts = new Map<number, number>();
  for (const ranks of apart) {
    const ownNs = startOf(set.ranks.filter(({ rank }) => ranks.includes(rank)));
    for (const rank of ranks) starts.set(rank, ownNs);
  }
  return { ...set, ranks: set.ranks.map((view) => moved(view, -(starts.get(view.rank) ?? zeroNs))) };
}
