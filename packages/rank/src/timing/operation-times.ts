import { deferred } from '@epemu/core';
import type { Deferred } from '@epemu/core';

/**
 * A virtual time of each operation, integer ns, told once; some are waited for. A promise for each of them would take
 * more memory than all that a rank records of it.
 */
export class OperationTimes {
  /** NaN: not told yet. */
  readonly #timesNs: Float64Array;
  readonly #waiting = new Map<number, Deferred<number>>();

  /** @param operations how many ids they have. */
  constructor(operations: number) {
    this.#timesNs = new Float64Array(operations).fill(Number.NaN);
  }

  /** Tells an operation's time. */
  tell(operation: number, timeNs: number): void {
    this.#timesNs[operation] = timeNs;
    this.#waiting.get(operation)?.resolve(timeNs);
    this.#waiting.delete(operation);
  }

  /** @returns an operation's time, as soon as it is told. */
  of(operation: number): number | Promise<number> {
    const timeNs = this.#timesNs[operation];
    if (!Number.isNaN(timeNs)) return timeNs;
    let waiting = this.#waiting.get(operation);
    if (waiting === undefined) this.#waiting.set(operation, (waiting = deferred<number>()));
    return waiting.promise;
  }
}
