import type { CollectiveType, RankView } from '@epemu/timeline';
import { CollectivePart } from './collective-part.js';
import type { PartRow } from './collective-part.js';

/** Everything that all ranks did together, one after the other, by rank in order of `ranks`. */
export interface Collective {
  readonly parts: readonly CollectivePart[];
}

const NOTIFIED = new Map<string, string>();

function notified(what: string): string {
  let text = NOTIFIED.get(what);
  if (text === undefined) NOTIFIED.set(what, (text = `notify ${what}`));
  return text;
}

/** Cuts a rank's communication kernels into its parts in collectives, in the order in which they start. */
export function collectiveParts(view: RankView): CollectivePart[] {
  const { kernels, instances, streams: rankStreams, transfers, groups } = view.content;
  const { startNs: starts, endNs: ends, stream: streams, instance: placed } = kernels;
  const arrivals = new Map(transfers.map(({ startNs, endNs }) => [startNs, endNs]));
  const rows: PartRow[] = [];
  /** The notify that a stream is in, until its transfer comes. */
  const open = new Map<number, number>();
  /** Sending halves whose receiving half has not come, by type, in the order in which they were issued. */
  const sent = new Map<CollectiveType, number[]>();
  const close = (notifyRow: number | undefined, transferRow: number, what: string, sendRow = -1): void => {
    const first = notifyRow ?? transferRow;
    const last = transferRow < 0 ? first : transferRow;
    const instance = placed[last];
    const found = instances[instance];
    rows.push({
      stream: rankStreams[streams[first]].id,
      instance,
      phase: found?.phase ?? what,
      layer: found?.layer,
      arrivedNs: starts[sendRow < 0 ? first : sendRow],
      sendRow,
      syncRow: first,
      syncEndNs: ends[first],
      transferRow,
      endNs: ends[last],
      lastByteNs: sendRow < 0 ? undefined : arrivals.get(starts[sendRow]),
      // One text for all parts alike: a long run has tens of thousands of them.
      signature: notifyRow === undefined ? what : notified(what),
      group: groups?.get(last) ?? groups?.get(first) ?? '',
    });
  };
  for (let row = 0; row < kernels.count; row++) {
    const { collective } = view.identity(row);
    if (collective === undefined || collective.role === 'layout') continue;
    const { role, type } = collective;
    const stream = streams[row];
    const notifyRow = open.get(stream);
    if (role === 'notify') {
      if (notifyRow !== undefined) close(notifyRow, -1, 'barrier');
      open.set(stream, row);
      continue;
    }
    open.delete(stream);
    if (role === 'send') {
      const waiting = sent.get(type);
      if (waiting === undefined) sent.set(type, [row]);
      else waiting.push(row);
      continue;
    }
    close(notifyRow, row, type, role === 'receive' ? sent.get(type)?.shift() : undefined);
  }
  for (const notifyRow of open.values()) close(notifyRow, -1, 'barrier');
  return CollectivePart.ofRank(view.rank, rows);
}

/** How many places two sequences may be apart for captures that began at different moments. */
const MOST_SHIFT = 64;

/**
 * @returns by how many parts `b` begins later than `a`, so that their signatures agree where both have some, which is at
 * least half of the shorter one: a few in a row are alike by chance. Undefined where none fits.
 */
function shiftBetween(a: readonly CollectivePart[], b: readonly CollectivePart[]): number | undefined {
  const least = Math.min(a.length, b.length) / 2;
  const agrees = (shift: number): boolean => {
    const from = Math.max(0, -shift);
    const to = Math.min(a.length - shift, b.length);
    if (to - from < least) return false;
    for (let i = from; i < to; i++) if (a[i + shift].signature !== b[i].signature) return false;
    return true;
  };
  if (agrees(0)) return 0;
  const most = Math.min(MOST_SHIFT, Math.max(a.length, b.length) - 1);
  for (let shift = 1; shift <= most; shift++) {
    if (agrees(shift)) return shift;
    if (agrees(-shift)) return -shift;
  }
  return undefined;
}

/** What matching finds. */
interface Matched {
  readonly collectives: readonly Collective[];
  readonly unmatched: readonly number[];
  /** Whether captures began at different collectives. */
  readonly shifted: boolean;
}

/** Matches the k-th part of one rank with the k-th of all others, moved where captures began at different ones. */
function matchInOrder(byRank: readonly (readonly CollectivePart[])[]): Matched {
  const [base, ...others] = byRank;
  if (base === undefined) return { collectives: [], unmatched: [], shifted: false };
  const shifts = [0, ...others.map((parts) => shiftBetween(base, parts))];
  const matched = byRank.flatMap((parts, index) => {
    const shift = shifts[index];
    return shift === undefined ? [] : [{ parts, shift }];
  });
  const unmatched = byRank.filter((_, index) => shifts[index] === undefined).map((parts) => parts[0].rank);
  const first = Math.max(...matched.map(({ shift }) => shift));
  const last = Math.min(...matched.map(({ parts, shift }) => parts.length + shift));
  const collectives: Collective[] = [];
  for (let place = first; place < last; place++) {
    collectives.push({ parts: matched.map(({ parts, shift }) => parts[place - shift]) });
  }
  return { collectives, unmatched, shifted: matched.some(({ shift }) => shift !== 0) };
}

/** @returns the parts of each stream, by rank; undefined where all are on one, or a rank has none on one of them. */
function byStream(withParts: readonly (readonly CollectivePart[])[]): (readonly CollectivePart[])[][] | undefined {
  const streams = [...new Set(withParts.flat().map(({ stream }) => stream))];
  if (streams.length < 2) return undefined;
  const lists = streams.map((id) => withParts.map((parts) => parts.filter(({ stream }) => stream === id)));
  return lists.every((list) => list.every(({ length }) => length > 0)) ? lists : undefined;
}

/** @returns the parts of each process group, by rank; those whose trace names no group are one by themselves. */
function byGroup(byRank: readonly (readonly CollectivePart[])[]): CollectivePart[][][] {
  const groups = new Map<string, CollectivePart[][]>();
  for (const parts of byRank) {
    const own = new Map<string, CollectivePart[]>();
    for (const part of parts) {
      const list = own.get(part.group);
      if (list === undefined) own.set(part.group, [part]);
      else list.push(part);
    }
    for (const [group, list] of own) {
      const ranks = groups.get(group);
      if (ranks === undefined) groups.set(group, [list]);
      else ranks.push(list);
    }
  }
  return [...groups.values()];
}

/**
 * Matches the parts of ranks into collectives, process group by process group, and within each by their order.
 *
 * @returns collectives that all matched ranks of a group take part in, by their first rank's arrival, and the ranks whose
 * order of collectives is another.
 */
export function matchCollectives(byRank: readonly (readonly CollectivePart[])[]): Matched {
  const groups = byGroup(byRank);
  if (groups.length < 2) return matchWithin(byRank);
  const matched = groups.map(matchWithin);
  const collectives = matched.flatMap((one) => one.collectives);
  const arrivals = new Map(collectives.map((one) => [one, one.parts[0].arrivedNs]));
  return {
    collectives: collectives.sort((a, b) => arrivals.get(a)! - arrivals.get(b)!),
    unmatched: [...new Set(matched.flatMap(({ unmatched }) => unmatched))].sort((a, b) => a - b),
    shifted: matched.some(({ shifted }) => shifted),
  };
}

/**
 * Matches the parts of ranks into collectives by their order: that of all, or that of each stream where ranks came to
 * the collectives of two streams one way and the other. This is so where the order of all fits nowhere, or only between
 * captures that begin at different collectives although they have as many on each stream.
 *
 * @returns collectives that all matched ranks take part in, and the ranks whose order of collectives is another.
 */
function matchWithin(byRank: readonly (readonly CollectivePart[])[]): Matched {
  const withParts = byRank.filter((parts) => parts.length > 0);
  const whole = matchInOrder(withParts);
  if (whole.unmatched.length === 0 && !whole.shifted) return whole;
  const streams = byStream(withParts);
  if (streams === undefined) return whole;
  const asMany = streams.every((list) => list.every(({ length }) => length === list[0].length));
  if (whole.unmatched.length === 0 && !asMany) return whole;
  const matched = streams.map(matchInOrder);
  if (matched.some(({ unmatched, shifted }) => unmatched.length > 0 || (asMany && shifted))) return whole;
  const places = new Map(withParts[0].map((part, place) => [part, place]));
  const placeOf = ({ parts: [first] }: Collective): number => places.get(first)!;
  const collectives = matched.flatMap((one) => one.collectives).sort((a, b) => placeOf(a) - placeOf(b));
  return { collectives, unmatched: [], shifted: whole.shifted };
}
