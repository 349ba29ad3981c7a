import { movementIdOf } from '@epemu/schedule';
import type { Operation } from '@epemu/schedule';
import type { ReplayModel } from './model.js';
import type { EventQueue } from './queue.js';

/** Who of a group is still awaited by one rank, and the latest time heard so far. */
interface Gathering {
  missing: number;
  latestNs: number;
  readonly complete: (latestNs: number) => void;
}

/** Notify as events: a rank's word reaches its column, then the column's latest reaches the neighbours. */
export class ReplayNotify {
  readonly #model: ReplayModel;
  readonly #queue: EventQueue;
  readonly #gatherings = new Map<string, Gathering>();
  readonly #done = new Map<string, (endNs: number) => void>();

  constructor(model: ReplayModel, queue: EventQueue) {
    this.#model = model;
    this.#queue = queue;
  }

  /** A notify starts at a rank. */
  start(rank: number, operation: Operation, startNs: number, done: (endNs: number) => void): void {
    this.#done.set(`${movementIdOf(operation)}:${rank}`, done);
    this.#tell(rank, operation, 1, startNs);
  }

  #peers(rank: number, hop: number): readonly number[] {
    return hop === 1 ? this.#model.column(rank) : this.#model.neighbours(rank);
  }

  #tell(rank: number, operation: Operation, hop: number, timeNs: number): void {
    const latencyNs = this.#model.notifyLatencyNs(operation, hop === 1 ? 'between' : 'inside');
    const hear = (to: number, atNs: number): void => {
      this.#queue.at(atNs, [6, operation.id, hop, rank, to], () => {
        this.#hear(to, operation, hop, atNs);
      });
    };
    hear(rank, timeNs);
    for (const peer of this.#peers(rank, hop)) hear(peer, timeNs + latencyNs);
  }

  #hear(rank: number, operation: Operation, hop: number, timeNs: number): void {
    const key = `${movementIdOf(operation)}:${hop}:${rank}`;
    let gathering = this.#gatherings.get(key);
    if (gathering === undefined) {
      gathering = {
        missing: this.#peers(rank, hop).length + 1,
        latestNs: 0,
        complete: (latestNs) => {
          if (hop === 1) this.#tell(rank, operation, 2, latestNs);
          else this.#done.get(`${movementIdOf(operation)}:${rank}`)!(latestNs);
        },
      };
      this.#gatherings.set(key, gathering);
    }
    gathering.latestNs = Math.max(gathering.latestNs, timeNs);
    if (--gathering.missing > 0) return;
    this.#gatherings.delete(key);
    gathering.complete(gathering.latestNs);
  }
}
