import type { TraceRank, TraceSet } from '../model.js';
import type { Collective } from './collectives.js';
import { median } from './median.js';

/** Clocks that are told apart by less than this are one clock: integer µs and switches' jitter look the same. */
const TOLERANCE_NS = 10_000;

/** How the clocks of separate captures were brought together. */
export interface Alignment {
  /** `no` where the captures' own times agree with what collectives allow, or were to be left alone. */
  readonly applied: boolean;
  /** By how much a rank's clock was ahead of the first rank's. */
  readonly offsets: readonly { readonly rank: number; readonly aheadUs: number }[];
  /** How far a rank left a collective before the last one had come, at worst, before and after, µs. */
  readonly violationUs: { readonly before: number; readonly after: number };
}

/** @returns how long before the last rank's arrival some rank had left, at worst, ns: no clock shared allows it. */
function violationNs(collectives: readonly Collective[]): number {
  let worst = 0;
  for (const { parts } of collectives) {
    let last = Number.NEGATIVE_INFINITY;
    let firstEnd = Number.POSITIVE_INFINITY;
    for (const { arrivedNs, syncEndNs } of parts) {
      last = Math.max(last, arrivedNs);
      firstEnd = Math.min(firstEnd, syncEndNs);
    }
    worst = Math.max(worst, last - firstEnd);
  }
  return worst;
}

/**
 * Finds by how much each rank's clock is ahead of the first one's: all ranks leave a synchronisation within a link's
 * latency of each other, so the median difference of those moments is the clocks'.
 */
function clockOffsets(collectives: readonly Collective[]): Map<number, number> {
  const differences = new Map<number, number[]>();
  for (const { parts } of collectives) {
    const base = parts[0].syncEndNs;
    for (const { rank, syncEndNs } of parts) {
      const list = differences.get(rank);
      if (list === undefined) differences.set(rank, [syncEndNs - base]);
      else list.push(syncEndNs - base);
    }
  }
  return new Map([...differences].map(([rank, list]) => [rank, Math.round(median(list))]));
}

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
function onOneClock(set: TraceSet, offsets: ReadonlyMap<number, number>): TraceSet {
  let zeroNs = Number.POSITIVE_INFINITY;
  for (const { rank, kernels } of set.ranks) {
    zeroNs = Math.min(zeroNs, kernels.column('startNs')[0] - (offsets.get(rank) ?? 0));
  }
  return { ...set, ranks: set.ranks.map((rank) => moved(rank, -(offsets.get(rank.rank) ?? 0) - zeroNs)) };
}

/**
 * Brings separate captures onto one clock where theirs differ: where a rank left a collective before another came to it.
 *
 * @param match finds the collectives of all ranks; asked again after a move.
 * @param mode `auto` moves only where times contradict each other.
 */
export function alignClocks(
  set: TraceSet,
  match: (set: TraceSet) => readonly Collective[],
  mode: 'auto' | 'always' | 'never',
): { readonly set: TraceSet; readonly collectives: readonly Collective[]; readonly alignment: Alignment | null } {
  const collectives = match(set);
  if (set.ranks.length < 2 || collectives.length === 0) return { set, collectives, alignment: null };
  const before = violationNs(collectives);
  const applied = mode === 'always' || (mode === 'auto' && set.source === 'captured' && before > TOLERANCE_NS);
  if (!applied) {
    const violationUs = { before: before / 1000, after: before / 1000 };
    return { set, collectives, alignment: { applied, offsets: [], violationUs } };
  }
  const offsets = clockOffsets(collectives);
  const aligned = onOneClock(set, offsets);
  const again = match(aligned);
  const violationUs = { before: before / 1000, after: violationNs(again) / 1000 };
  const list = [...offsets].map(([rank, ns]) => ({ rank, aheadUs: ns / 1000 })).sort((a, b) => a.rank - b.rank);
  return { set: aligned, collectives: again, alignment: { applied, offsets: list, violationUs } };
}
