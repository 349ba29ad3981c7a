import { createHash } from 'node:crypto';
import { InvariantError } from '@epemu/core';
import type { Columns } from '@epemu/core';
import type { Program } from '@epemu/schedule';
import type { RankRecord } from './rank-record.js';
import type { RankTimeline } from './rank-timeline.js';

/**
 * The digest of a run: SHA-256 over, for ranks ascending, every virtual event (stream, start, end, name, operation),
 * every port service (port, start, end, bytes) and the hash of every expert's received list. It leaves out how the run
 * was made: fabric, workers, payload, output options and version.
 */
export class RunDigest {
  readonly #hash = createHash('sha256');
  readonly #names: readonly string[];
  #next = 0;

  constructor(program: Program) {
    this.#names = program.kernels.map((kernel) => kernel.name);
  }

  /** Adds a rank. @throws InvariantError unless ranks come ascending from 0. */
  add(timeline: RankTimeline, expertHashes: RankRecord['expertHashes']): void {
    if (timeline.rank !== this.#next) {
      throw new InvariantError(`the digest takes ranks in order: ${this.#next} was due, ${timeline.rank} came`);
    }
    this.#next++;
    this.#hash.update(`rank ${timeline.rank}\n`);
    this.#columns(timeline.events, ['stream', 'startNs', 'endNs', 'operation']);
    for (const kernel of timeline.events.column('kernel')) this.#hash.update(`${this.#names[kernel]}\n`);
    this.#columns(timeline.services, ['port', 'startNs', 'endNs', 'bytes']);
    this.#columns(expertHashes, expertHashes.names);
  }

  /** @returns the digest as 64 hexadecimal digits; nothing can be added afterwards. */
  finish(): string {
    return this.#hash.digest('hex');
  }

  #columns<Names extends string>(columns: Columns<Names>, names: readonly Names[]): void {
    for (const name of names) {
      const values = columns.column(name);
      this.#hash.update(`${name} ${values.length}\n`);
      this.#hash.update(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
    }
  }
}
