import { TimingEvent } from './event-queue.js';
import type { Activity, EventQueue } from './event-queue.js';

/**
 * A virtual time of each operation, integer ns, told once; some are waited for. An event for each of them would take more
 * memory than all that a rank records of it.
 */
export class OperationTimes {
  readonly #queue: EventQueue;
  /** NaN: not told yet. */
  readonly #timesNs: Float64Array;
  readonly #waiting = new Map<number, TimingEvent<number>>();

  /** @param operations how many ids they have. */
  constructor(queue: EventQueue, operations: number) {
    this.#queue = queue;
    this.#timesNs = new Float64Array(operations).fill(Number.NaN);
  }

  /** Tells an operation's time. */
  tell(operation: number, timeNs: number): void {
    this.#timesNs[operation] = timeNs;
    const waiting = this.#waiting.get(operation);
    if (waiting === undefined) return;
    this.#waiting.delete(operation);
    this.#queue.happen(waiting, timeNs);
  }

  /** @returns an operation's time if it has been told. */
  known(operation: number): number | undefined {
    const timeNs = this.#timesNs[operation];
    return Number.isNaN(timeNs) ? undefined : timeNs;
  }

  /** @returns an operation's time, as soon as it is told. */
  *of(operation: number): Activity<number> {
    const timeNs = this.#timesNs[operation];
    if (!Number.isNaN(timeNs)) return timeNs;
    let waiting = this.#waiting.get(operation);
    if (waiting === undefined) this.#waiting.set(operation, (waiting = new TimingEvent<number>()));
    return yield* waiting.value();
  }
}
