import { join } from 'node:path';
import { InvariantError, NumberRoom } from '@epemu/core';
import { decodeColumns, decodeExpertHashes, decodeTimeline } from '@epemu/timeline';
import type { RankRecord, RankTimeline } from '@epemu/timeline';
import { HOST_EVENT_COLUMNS } from '@epemu/trace';
import type { HostEvents } from '@epemu/trace';
import { addNumerics, emptyNumerics } from '@epemu/rank';
import type { NumericsTotals } from '@epemu/rank';
import { UnnamedFiles } from './unnamed-files.js';
import type { Extent } from './unnamed-files.js';

/** Who a process's host events come from. */
export type HostSource = Omit<HostEvents, 'events'>;

/**
 * What ranks handed over, on disk until it is merged: so that the coordinator's memory does not grow with the run.
 */
export class RunSpool {
  /** What is read is decoded at once, and one rank after the other: all of them go through the same memory. */
  #bytes = Buffer.alloc(0);
  readonly #room = new NumberRoom();
  readonly #files: UnnamedFiles<'timelines' | 'records' | 'host'>;
  readonly #timelines = new Map<number, Extent>();
  readonly #records = new Map<number, Extent>();
  readonly #hosts: { readonly source: HostSource; readonly extent: Extent }[] = [];
  readonly numerics = emptyNumerics();

  constructor(outputFolder: string) {
    this.#files = new UnnamedFiles(join(outputFolder, '.spool'), ['timelines', 'records', 'host']);
  }

  storeTimeline(rank: number, bytes: Uint8Array): void {
    this.#timelines.set(rank, this.#files.append('timelines', bytes));
  }

  storeRecord(rank: number, bytes: Uint8Array): void {
    this.#records.set(rank, this.#files.append('records', bytes));
  }

  addHostEvents(source: HostSource, bytes: Uint8Array): void {
    this.#hosts.push({ source, extent: this.#files.append('host', bytes) });
  }

  /** Adds a rank's counts up. */
  addNumerics(numerics: NumericsTotals): void {
    addNumerics(this.numerics, numerics);
  }

  /** Ranks whose timeline and record are both here, ascending. */
  get ranks(): number[] {
    return [...this.#timelines.keys()].filter((rank) => this.#records.has(rank)).sort((a, b) => a - b);
  }

  /** @returns a rank's timeline, which lasts until the next one is asked for. */
  timeline(rank: number): RankTimeline {
    this.#room.clear();
    return decodeTimeline(this.#read('timelines', this.#timelines.get(rank)), this.#room);
  }

  /** The hashes of what a rank's experts received, of its record. */
  expertHashes(rank: number): RankRecord['expertHashes'] {
    return decodeExpertHashes(this.recordBytes(rank));
  }

  /** A rank’s record as it was handed over, for the operations file; it lasts until anything else is read. */
  recordBytes(rank: number): Uint8Array {
    return this.#read('records', this.#records.get(rank));
  }

  /** Host events, process by process. */
  *hostEvents(): Generator<HostEvents> {
    for (const { source, extent } of this.#hosts.sort((a, b) => a.source.worker - b.source.worker)) {
      const bytes = Buffer.alloc(extent.bytes);
      this.#files.read('host', extent, bytes);
      yield { ...source, events: decodeColumns(bytes, HOST_EVENT_COLUMNS) };
    }
  }

  /** @returns what was stored, until the next is read. */
  #read(name: 'timelines' | 'records', extent: Extent | undefined): Uint8Array {
    if (extent === undefined) throw new InvariantError(`nothing of this rank is among the ${name} of the spool`);
    if (this.#bytes.length < extent.bytes) this.#bytes = Buffer.alloc(Math.ceil(1.1 * extent.bytes));
    const bytes = this.#bytes.subarray(0, extent.bytes);
    this.#files.read(name, extent, bytes);
    return bytes;
  }

  /** Frees the disk; nothing can be read any more, and what is stored from now on is dropped. */
  remove(): void {
    this.#files.close();
  }
}
