import type { Track, VirtualEvent, VirtualRun } from './virtual-events.js';

/** How many events of a kind changed in one way, and by how much. */
interface Change {
  count: number;
  leastNs: number;
  mostNs: number;
}

/** Rows of tables; what is left out is counted. */
const MOST_ROWS = 60;

/**
 * Compares two runs of one configuration event by event.
 * @param every whether each event that has changed gets a line.
 * @returns lines: the first divergent event of each stream and port, what took another time, by phase and kernel, what was
 * only moved, and what is there no more or is new.
 */
export function differenceLines(before: VirtualRun, after: VirtualRun, every = false): string[] {
  const firsts: string[] = [];
  const lasting = new Map<string, Change>();
  const moved = new Map<string, Change>();
  const others: string[] = [];
  const each: string[] = [];
  for (const [name, was, is] of pairedTracks(before.tracks, after.tracks)) {
    const first = firstDivergence(was, is);
    if (first === undefined) continue;
    firsts.push(`${name}, ${first}`);
    for (const [old, now] of pairedEvents(was, is)) {
      if (old === undefined || now === undefined) {
        const { what, nth } = (old ?? now)!;
        others.push(`${old === undefined ? 'new' : 'gone'}: ${name}, ${nameOf({ what, nth })}`);
        continue;
      }
      const longerNs = now.endNs - now.startNs - (old.endNs - old.startNs);
      const laterNs = now.startNs - old.startNs;
      const more = (now.bytes ?? 0) - (old.bytes ?? 0);
      if (longerNs === 0 && laterNs === 0 && more === 0) continue;
      const kind = kindOf(name, now.what);
      if (longerNs !== 0) note(lasting, kind, longerNs);
      else note(moved, kind, laterNs);
      const bytes = more === 0 ? '' : `, ${old.bytes} → ${now.bytes} bytes`;
      each.push(`${name}, ${nameOf(now)}: ${spanOf(old)} → ${spanOf(now)}, ${signed(longerNs)} long${bytes}`);
    }
  }
  const experts = after.experts.flatMap((text, rank) => (text === before.experts[rank] ? [] : [rank]));
  return [
    ...section('first divergent event of each stream and port', firsts),
    ...section('what takes another time, by stream or port, phase and kernel', changeLines(lasting)),
    ...section('what takes the same time, elsewhere', changeLines(moved)),
    ...section('what is there no more, or is new', others),
    ...section('ranks whose experts received other rows', experts.length === 0 ? [] : [experts.join(', ')]),
    ...(every ? section('each event that has changed', each, Number.POSITIVE_INFINITY) : []),
  ];
}

function section(title: string, lines: readonly string[], most = MOST_ROWS): string[] {
  if (lines.length === 0) return [];
  const more = lines.length > most ? [`  … and ${lines.length - most} more`] : [];
  return [`${title}:`, ...lines.slice(0, most).map((line) => `  ${line}`), ...more];
}

function pairedTracks(
  before: readonly Track[],
  after: readonly Track[],
): [name: string, was: readonly VirtualEvent[], is: readonly VirtualEvent[]][] {
  const [was, is] = [before, after].map((tracks) => new Map(tracks.map(({ name, events }) => [name, events])));
  return [...new Set([...was.keys(), ...is.keys()])].map((name) => [name, was.get(name) ?? [], is.get(name) ?? []]);
}

function firstDivergence(was: readonly VirtualEvent[], is: readonly VirtualEvent[]): string | undefined {
  for (let i = 0; i < Math.max(was.length, is.length); i++) {
    const [old, now] = [was[i] as VirtualEvent | undefined, is[i] as VirtualEvent | undefined];
    if (old === undefined) return `event ${i}: ${nameOf(now!)} at ${spanOf(now!)}, where nothing was`;
    if (now === undefined) return `event ${i}: nothing, where ${nameOf(old)} was at ${spanOf(old)}`;
    if (old.what !== now.what)
      return `event ${i}: ${nameOf(old)} was at ${spanOf(old)} → ${nameOf(now)} at ${spanOf(now)}`;
    if (old.startNs === now.startNs && old.endNs === now.endNs && old.bytes === now.bytes) continue;
    const bytes = old.bytes === now.bytes ? '' : `, ${old.bytes} → ${now.bytes} bytes`;
    return `event ${i}: ${nameOf(now)} at ${spanOf(old)} → ${spanOf(now)}${bytes}`;
  }
  return undefined;
}

/** Events by name and number: what is launched in another order is the same event. */
function pairedEvents(
  was: readonly VirtualEvent[],
  is: readonly VirtualEvent[],
): [VirtualEvent | undefined, VirtualEvent | undefined][] {
  const left = new Map(was.map((event) => [nameOf(event), event]));
  const pairs = is.map((now): [VirtualEvent | undefined, VirtualEvent | undefined] => {
    const key = nameOf(now);
    const old = left.get(key);
    left.delete(key);
    return [old, now];
  });
  return [...pairs, ...[...left.values()].map((old): [VirtualEvent, undefined] => [old, undefined])];
}

/** @returns a track without its rank and an event without layer, micro-batch and peer: what a law is about. */
function kindOf(track: string, what: string): string {
  const kind = what.replace(/ of layer -?\d+, micro-batch \d+/, '').replace(/ with rank \d+$/, '');
  return `${track.replace(/^rank \d+, /, '')}, ${kind}`;
}

function note(changes: Map<string, Change>, kind: string, byNs: number): void {
  const { count, leastNs, mostNs } = changes.get(kind) ?? { count: 0, leastNs: byNs, mostNs: byNs };
  changes.set(kind, { count: count + 1, leastNs: Math.min(leastNs, byNs), mostNs: Math.max(mostNs, byNs) });
}

function changeLines(changes: ReadonlyMap<string, Change>): string[] {
  return [...changes].map(([kind, { count, leastNs, mostNs }]) => {
    const by = leastNs === mostNs ? signed(leastNs) : `${signed(leastNs)} to ${signed(mostNs)}`;
    return `${kind}: ${count} by ${by}`;
  });
}

function nameOf({ what, nth }: Pick<VirtualEvent, 'what' | 'nth'>): string {
  return nth === 0 ? what : `${what} #${nth + 1}`;
}

function spanOf({ startNs, endNs }: VirtualEvent): string {
  return `${startNs}–${endNs}`;
}

function signed(ns: number): string {
  return `${ns < 0 ? '−' : '+'}${Math.abs(ns)} ns`;
}
