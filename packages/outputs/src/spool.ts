import { closeSync, fstatSync, mkdirSync, openSync, readFileSync, readSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { InvariantError, NumberRoom } from '@epemu/core';
import { decodeColumns, decodeExpertHashes, decodeTimeline } from '@epemu/timeline';
import type { RankRecord, RankTimeline } from '@epemu/timeline';
import { HOST_EVENT_COLUMNS } from '@epemu/trace';
import type { HostEvents } from '@epemu/trace';
import { addNumerics, emptyNumerics } from '@epemu/rank';
import type { NumericsTotals } from '@epemu/rank';

/** Who a process's host events come from. */
export type HostSource = Omit<HostEvents, 'events'>;

/**
 * What ranks handed over, on disk until it is merged: so that the coordinator's memory does not grow with the run.
 */
export class RunSpool {
  readonly #folder: string;
  /** What is read is decoded at once, and one rank after the other: all of them go through the same memory. */
  #bytes = Buffer.alloc(0);
  readonly #room = new NumberRoom();
  readonly #timelines = new Set<number>();
  readonly #records = new Set<number>();
  readonly #hosts: HostSource[] = [];
  readonly numerics = emptyNumerics();

  constructor(outputFolder: string) {
    this.#folder = join(outputFolder, '.spool');
    mkdirSync(this.#folder, { recursive: true });
  }

  storeTimeline(rank: number, bytes: Uint8Array): void {
    writeFileSync(join(this.#folder, `timeline-${rank}`), bytes);
    this.#timelines.add(rank);
  }

  storeRecord(rank: number, bytes: Uint8Array): void {
    writeFileSync(join(this.#folder, `record-${rank}`), bytes);
    this.#records.add(rank);
  }

  addHostEvents(source: HostSource, bytes: Uint8Array): void {
    writeFileSync(join(this.#folder, `host-${source.worker}`), bytes);
    this.#hosts.push(source);
  }

  /** Adds a rank's counts up. */
  addNumerics(numerics: NumericsTotals): void {
    addNumerics(this.numerics, numerics);
  }

  /** Ranks whose timeline and record are both here, ascending. */
  get ranks(): number[] {
    return [...this.#timelines].filter((rank) => this.#records.has(rank)).sort((a, b) => a - b);
  }

  /** @returns a rank's timeline, which lasts until the next one is asked for. */
  timeline(rank: number): RankTimeline {
    this.#room.clear();
    return decodeTimeline(this.#read(`timeline-${rank}`), this.#room);
  }

  /** The hashes of what a rank's experts received, of its record. */
  expertHashes(rank: number): RankRecord['expertHashes'] {
    return decodeExpertHashes(this.#read(`record-${rank}`));
  }

  /** A rank’s record as it was handed over, for the operations file; it lasts until anything else is read. */
  recordBytes(rank: number): Uint8Array {
    return this.#read(`record-${rank}`);
  }

  /** Host events, process by process. */
  *hostEvents(): Generator<HostEvents> {
    for (const source of this.#hosts.sort((a, b) => a.worker - b.worker)) {
      const bytes = readFileSync(join(this.#folder, `host-${source.worker}`));
      yield { ...source, events: decodeColumns(bytes, HOST_EVENT_COLUMNS) };
    }
  }

  /** @returns what a file holds, until the next one is read. */
  #read(name: string): Uint8Array {
    const file = openSync(join(this.#folder, name), 'r');
    try {
      const { size } = fstatSync(file);
      if (this.#bytes.length < size) this.#bytes = Buffer.alloc(Math.ceil(1.1 * size));
      let length = 0;
      while (length < size) {
        const read = readSync(file, this.#bytes, length, size - length, length);
        if (read === 0) throw new InvariantError(`${name} of the spool ends after ${length} of ${size} bytes`);
        length += read;
      }
      return this.#bytes.subarray(0, size);
    } finally {
      closeSync(file);
    }
  }

  /** Removes the spool from disk. */
  remove(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
