import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { resolveConfiguration } from '@epemu/config';
import { PROJECT } from './commands.js';
import { GOLDEN_CONFIGURATIONS } from './golden-configurations.js';
import { runLocally } from './local-run.js';
import type { LocalRun } from './local-run.js';
import { virtualRunOf } from './virtual-events.js';
import type { Track, VirtualEvent } from './virtual-events.js';

/** What is kept of a run. */
export interface Golden {
  readonly digest: string;
  /**
   * Of the first and the last rank, by name of the track: 8 digits of a hash of what its events are, and for each how long
   * after the end of the one before it starts and how long it lasts, in ns to base 36: a digest alone names no event.
   */
  readonly tracks: Readonly<Record<string, string>>;
}

/** The one file of all. */
const FILE = join(PROJECT, 'test', 'golden.json');
/** Tracks of which the first event that differs is told. */
const MOST_TRACKS = 8;
const BASE = 36;

/** @returns what is kept of each run, by name. */
export function readGolden(): Record<string, Golden | undefined> {
  return JSON.parse(readFileSync(FILE, 'utf8')) as Record<string, Golden>;
}

/** Runs all and keeps what they did. */
export async function writeGolden(): Promise<void> {
  const all: Record<string, Golden> = {};
  for (const [name, sources] of Object.entries(GOLDEN_CONFIGURATIONS)) {
    all[name] = goldenOf(await runLocally(resolveConfiguration(sources)));
  }
  writeFileSync(FILE, `${JSON.stringify(all, undefined, 2)}\n`);
}

/** @returns what is kept of a run. */
export function goldenOf(run: LocalRun): Golden {
  return {
    digest: run.digest,
    tracks: Object.fromEntries(keptTracks(run).map((track) => [track.name, encoded(track)])),
  };
}

/** @returns how a run differs from what was kept of it, with the command that tells more. */
export function differenceText(name: string, golden: Golden, run: LocalRun): string {
  const lines = [`${name}: digest ${run.digest} where ${golden.digest} was kept`];
  const tracks = keptTracks(run);
  const differences = tracks.flatMap((track) => trackDifference(track, golden.tracks[track.name]) ?? []);
  const gone = Object.keys(golden.tracks).filter((kept) => !tracks.some((track) => track.name === kept));
  lines.push(...differences.slice(0, MOST_TRACKS).map((text) => `  ${text}`));
  if (differences.length > MOST_TRACKS)
    lines.push(`  and in ${differences.length - MOST_TRACKS} more streams and ports`);
  if (gone.length > 0) lines.push(`  nothing happens any more in ${gone.join('; ')}`);
  if (lines.length === 1)
    lines.push('  the first and the last rank do what they did: others differ, or rows of experts');
  lines.push(`node scripts/explain-digest.mjs ${name} shows every event that has changed, and by how much;`);
  lines.push('node scripts/write-golden.mjs keeps the present ones, where the change is meant');
  return lines.join('\n');
}

function keptTracks({ program, timelines, records }: LocalRun): readonly Track[] {
  const kept = [...new Set([timelines[0], timelines[timelines.length - 1]])];
  return virtualRunOf({ program, records, timelines: kept }).tracks;
}

function namesHash(events: readonly VirtualEvent[]): string {
  const hash = createHash('sha256');
  for (const { what, bytes } of events) hash.update(`${what} ${bytes ?? ''}\n`);
  return hash.digest('hex').slice(0, 8);
}

function encoded({ events }: Track): string {
  let before = 0;
  const times = events.map(({ startNs, endNs }) => {
    const text = `${(startNs - before).toString(BASE)}.${(endNs - startNs).toString(BASE)}`;
    before = endNs;
    return text;
  });
  return [namesHash(events), ...times].join(' ');
}

/** @returns start and end of each event. */
function decoded(times: readonly string[]): { startNs: number; endNs: number }[] {
  let before = 0;
  return times.map((text) => {
    const [gap, length] = text.split('.').map((digits) => Number.parseInt(digits, BASE));
    const startNs = before + gap;
    before = startNs + length;
    return { startNs, endNs: before };
  });
}

/** @returns the first event of a track that is not what was kept; undefined for none. */
function trackDifference({ name, events }: Track, kept: string | undefined): string | undefined {
  if (kept === undefined) return `${name} is new: ${events.length} events`;
  const [names, ...times] = kept.split(' ');
  const were = decoded(times);
  const at = events.findIndex(({ startNs, endNs }, i) => startNs !== were[i]?.startNs || endNs !== were[i].endNs);
  const others = names === namesHash(events) ? '' : ' (what happens in it is something else, too)';
  if (at < 0 && events.length === were.length)
    return others === '' ? undefined : `${name}: the times are the same${others}`;
  if (at < 0) return `${name}: only ${events.length} of ${were.length} events${others}`;
  const { what, startNs, endNs } = events[at];
  const was = were[at] === undefined ? 'it was not there' : `it was at ${were[at].startNs}–${were[at].endNs} ns`;
  return `${name}, event ${at}, ${what} is at ${startNs}–${endNs} ns, ${was}${others}`;
}
