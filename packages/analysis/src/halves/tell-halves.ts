import type { KernelRoles } from '../kernel-role.js';
import type { KernelColumns } from '@epemu/timeline';
import { annotatedHalves } from './annotated-halves.js';
import { withHalf } from './half-name.js';
import type { Half } from './half-name.js';
import { lowLatencyKind } from './low-latency.js';
import type { LowLatencyKind as Kind } from './low-latency.js';
import { looksHalved, sendParity } from './launch-pattern.js';
import type { LaunchSequence } from './launch-pattern.js';

/** A rank's kernels in order, before they are in phases and told apart by more than their names. */
export interface HalvedRank {
  /** `kernel` is the index of a name. */
  readonly kernels: KernelColumns;
  /** By row: the phase that the trace itself puts a kernel in. */
  readonly phaseOf: (row: number) => string | undefined;
}

/** Names of kernels, which may get more. */
interface Names {
  readonly names: readonly string[];
  index(name: string): number;
}

/** Kernels of the two collectives differ in number by less than this share, where both are in halves. */
const AS_MANY = 0.75;

/** Launches of one kind on one stream of one rank. */
interface Launches extends LaunchSequence {
  readonly kind: Kind;
  readonly rank: HalvedRank;
  readonly rows: readonly number[];
}

/** Finds the launches of each kind, stream by stream. @param kindOf by index of a name. */
function launchesOf(rank: HalvedRank, kindOf: (name: number) => Kind | 'compute' | undefined): Launches[] {
  const { kernels } = rank;
  const { startNs: starts, endNs: ends, stream: streams, kernel: names } = kernels;
  const computing = new Set<number>();
  const found = new Map<string, { kind: Kind; stream: number; rows: number[]; other: boolean[] }>();
  const lastKind = new Map<number, Kind>();
  for (let row = 0; row < kernels.count; row++) {
    const stream = streams[row];
    const kind = kindOf(names[row]);
    if (kind === 'compute') computing.add(stream);
    else if (kind !== undefined) {
      const key = `${stream} ${kind}`;
      let list = found.get(key);
      if (list === undefined) found.set(key, (list = { kind, stream, rows: [], other: [] }));
      list.other.push(lastKind.get(stream) !== kind);
      list.rows.push(row);
      lastKind.set(stream, kind);
    }
  }
  return [...found.values()].map(({ kind, stream, rows, other }) => ({
    ...{ kind, rank, rows, otherBefore: other },
    durationsNs: rows.map((row) => ends[row] - starts[row]),
    besideCompute: computing.has(stream),
  }));
}

/** @returns the kinds whose launches are halves: half or more of all sequences look so, for one code runs on all ranks. */
function halvedKinds(launches: readonly Launches[]): Set<Kind> {
  const halved = new Set<Kind>();
  const counts = { dispatch: 0, combine: 0 };
  for (const kind of ['dispatch', 'combine'] as const) {
    const own = launches.filter((each) => each.kind === kind);
    counts[kind] = own.reduce((sum, { rows }) => sum + rows.length, 0);
    const looks = own.flatMap((each) => looksHalved(each) ?? []);
    // A rank that comes last waits as long as it sends, so that not all have to.
    if (looks.length > 0 && looks.filter(Boolean).length * 2 >= looks.length) halved.add(kind);
  }
  const { dispatch, combine } = counts;
  // What comes last in its wait looks whole; where the other has twice as many launches, it is.
  const asMany = Math.min(dispatch, combine) >= AS_MANY * Math.max(dispatch, combine);
  return halved.size === 1 && asMany ? new Set(['dispatch', 'combine']) : halved;
}

/**
 * Tells the halves of DeepEP's low-latency collectives apart, which have one name: with a receive hook `dispatch` is
 * launched once to send and once more to receive, without one it does both at once. Annotations tell, where they name
 * both halves; else the launches of a kind on one stream do, which then send and receive by turns. They are halves
 *
 * - where two of a kind are followed by two of the other kind on a stream that also computes: only halves are launched
 *   there, whole collectives on a stream of DeepEP's own;
 * - or where every other launch takes clearly longer, or shorter, than those between them.
 *
 * Its limits: halves of two micro-batches that are not by turns (both sends before either receive) are paired wrongly;
 * halves that take as long as each other while those of the other kind come between them are taken for whole ones; and a
 * CUDA graph that puts whole collectives of two micro-batches on the stream that computes has them taken for halves.
 *
 * Launches that are halves get names that say so, which roles of kernels are told by.
 */
export function tellHalves(ranks: readonly HalvedRank[], table: Names, roles: KernelRoles): void {
  const kinds = new Map<number, Kind | 'compute' | undefined>();
  const kindOf = (name: number): Kind | 'compute' | undefined => {
    if (kinds.has(name)) return kinds.get(name);
    const traced = table.names[name];
    const role = roles.of(traced);
    const found = role.collective?.role === 'transfer' ? lowLatencyKind(traced) : undefined;
    const kind = found ?? (role.class === 'compute' ? 'compute' : undefined);
    kinds.set(name, kind);
    return kind;
  };
  const unnamed: Launches[] = [];
  for (const launches of ranks.flatMap((rank) => launchesOf(rank, kindOf))) {
    const halves = annotatedHalves(launches.rows.map(launches.rank.phaseOf));
    if (halves === undefined) unnamed.push(launches);
    else rename(launches, halves, table);
  }
  const halved = halvedKinds(unnamed);
  for (const launches of unnamed) {
    if (!halved.has(launches.kind)) continue;
    const parity = sendParity(launches);
    const halves = launches.rows.map((_, place): Half => (place % 2 === parity ? 'send' : 'receive'));
    rename(launches, halves, table);
  }
}

function rename({ rank, rows }: Launches, halves: readonly Half[], table: Names): void {
  const { kernel: names } = rank.kernels;
  rows.forEach((row, place) => {
    names[row] = table.index(withHalf(table.names[names[row]], halves[place]));
  });
}
