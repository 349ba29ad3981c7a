import type { TraceSet } from '../model.js';
import { onOneClock, onOwnClocks, ranksApart } from './clocks.js';
import { joinedRanks } from './components.js';
import type { Collective } from './collectives.js';
import { median } from './median.js';

/** Clocks that are told apart by less than this are one clock: integer µs and switches' jitter look the same. */
export const TOLERANCE_NS = 10_000;

/** Whether clocks are aligned. */
export type AlignMode = 'auto' | 'always' | 'never';

/** How the clocks of separate captures were brought together. */
export interface Alignment {
  /** `no` where the captures' own times agree with what collectives allow, or were to be left alone. */
  readonly applied: boolean;
  /** By how much a rank's clock was ahead of the first rank's that it shares collectives with; of those that were moved. */
  readonly offsets: readonly { readonly rank: number; readonly aheadUs: number }[];
  /** How far a rank left a collective before the last one had come, at worst, before and after, µs. */
  readonly violationUs: { readonly before: number; readonly after: number };
}

/** @returns collectives that nobody leaves before all have come; a send may be over before its receiver comes. */
function synchronising(collectives: readonly Collective[]): Collective[] {
  return collectives.filter(({ parts }) => !parts[0].signature.endsWith('send-receive'));
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

/** What collectives say of the clocks of two ranks: by how much the one left later than the other, each time. */
function differencesOf(collectives: readonly Collective[]): Map<number, Map<number, number[]>> {
  const differences = new Map<number, Map<number, number[]>>();
  const add = (from: number, to: number, ns: number): void => {
    let others = differences.get(from);
    if (others === undefined) differences.set(from, (others = new Map<number, number[]>()));
    const list = others.get(to);
    if (list === undefined) others.set(to, [ns]);
    else list.push(ns);
  };
  for (const { parts } of collectives) {
    const { rank: base, syncEndNs: baseNs } = parts[0];
    for (const { rank, syncEndNs } of parts.slice(1)) {
      add(base, rank, syncEndNs - baseNs);
      add(rank, base, baseNs - syncEndNs);
    }
  }
  return differences;
}

/**
 * Finds by how much each rank's clock is ahead of the first one's: all ranks leave a synchronisation within a link's
 * latency of each other, so the median difference of those moments is the clocks'. Ranks that share no collective with
 * the first are compared with those that do.
 *
 * @param ranks all of which collectives join.
 */
function clockOffsets(ranks: readonly number[], collectives: readonly Collective[]): Map<number, number> {
  const differences = differencesOf(collectives);
  const offsets = new Map([[ranks[0], 0]]);
  const queue = [ranks[0]];
  for (const from of queue) {
    for (const [to, list] of differences.get(from) ?? []) {
      if (offsets.has(to)) continue;
      offsets.set(to, Math.round(offsets.get(from)! + median(list)));
      queue.push(to);
    }
  }
  return offsets;
}

function ranksOf({ ranks }: TraceSet): number[] {
  return ranks.map(({ rank }) => rank);
}

/** All ranks with their collectives, once their clocks are as near to each other as they can be brought. */
export interface Aligned {
  readonly set: TraceSet;
  readonly collectives: readonly Collective[];
  readonly alignment: Alignment | null;
}

function byCollectives(set: TraceSet, match: (set: TraceSet) => readonly Collective[], mode: AlignMode): Aligned {
  const collectives = match(set);
  const joining = synchronising(collectives);
  // One rank's part by itself tells nothing of clocks.
  if (!joining.some(({ parts }) => parts.length > 1)) return { set, collectives, alignment: null };
  const before = violationNs(joining);
  const offsets = new Map<number, number>();
  // Clocks of ranks that no collective joins say nothing of each other.
  for (const ranks of joinedRanks(ranksOf(set), joining)) {
    if (ranks.length < 2) continue;
    const joined = new Set(ranks);
    const own = joining.filter(({ parts }) => joined.has(parts[0].rank));
    const applied =
      mode === 'always' || (mode === 'auto' && set.source === 'captured' && violationNs(own) > TOLERANCE_NS);
    if (applied) for (const [rank, ns] of clockOffsets(ranks, own)) offsets.set(rank, ns);
  }
  if (offsets.size === 0) {
    const violationUs = { before: before / 1000, after: before / 1000 };
    return { set, collectives, alignment: { applied: false, offsets: [], violationUs } };
  }
  const aligned = onOneClock(set, offsets);
  const again = match(aligned);
  const violationUs = { before: before / 1000, after: violationNs(synchronising(again)) / 1000 };
  const list = [...offsets].map(([rank, ns]) => ({ rank, aheadUs: ns / 1000 })).sort((a, b) => a.rank - b.rank);
  return { set: aligned, collectives: again, alignment: { applied: true, offsets: list, violationUs } };
}

/**
 * Brings separate captures onto one clock where theirs differ: where a rank left a collective before another came to it.
 * Ranks that no collective tells the clock of start by themselves, where their times are far from all others.
 *
 * @param match finds the collectives of all ranks; asked again after a move.
 * @param mode `auto` moves only where times contradict each other.
 */
export function alignClocks(
  read: TraceSet,
  match: (set: TraceSet) => readonly Collective[],
  mode: AlignMode,
): Aligned & { readonly apart: readonly number[] } {
  const aligned = byCollectives(read, match, mode);
  const { set, collectives } = aligned;
  const isOneClock = mode === 'never' || (mode === 'auto' && set.source === 'emulated');
  const apart = isOneClock || set.ranks.length < 2 ? [] : ranksApart(set, collectives);
  if (apart.length === 0) return { ...aligned, apart: [] };
  const moved = onOwnClocks(set, apart);
  return { ...aligned, set: moved, collectives: match(moved), apart: apart.flat() };
}
