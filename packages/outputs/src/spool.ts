import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { decodeColumns, decodeRecord, decodeTimeline } from '@epemu/timeline';
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

  timeline(rank: number): RankTimeline {
    return decodeTimeline(readFileSync(join(this.#folder, `timeline-${rank}`)));
  }

  record(rank: number): RankRecord {
    return decodeRecord(readFileSync(join(this.#folder, `record-${rank}`)));
  }

  /** A rank’s record as it was handed over, for the operations file. */
  recordBytes(rank: number): Uint8Array {
    return readFileSync(join(this.#folder, `record-${rank}`));
  }

  /** Host events, process by process. */
  *hostEvents(): Generator<HostEvents> {
    for (const source of this.#hosts.sort((a, b) => a.worker - b.worker)) {
      const bytes = readFileSync(join(this.#folder, `host-${source.worker}`));
      yield { ...source, events: decodeColumns(bytes, HOST_EVENT_COLUMNS) };
    }
  }

  /** Removes the spool from disk. */
  remove(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
