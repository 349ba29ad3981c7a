import { deferred } from '@epemu/core';
import type { Deferred } from '@epemu/core';

/** Which operations' work on tokens is done. */
export class Completions {
  readonly #done: Uint8Array;
  readonly #waiting = new Map<number, Deferred<undefined>>();
  #failure: Error | undefined;

  /** @param operations how many ids they have. */
  constructor(operations: number) {
    this.#done = new Uint8Array(operations);
  }

  /** Tells that an operation's work is done. */
  tell(operation: number): void {
    this.#done[operation] = 1;
    this.#waiting.get(operation)?.resolve(undefined);
    this.#waiting.delete(operation);
  }

  /** @returns undefined where an operation's work is done, else a promise of it. */
  of(operation: number): Promise<undefined> | undefined {
    if (this.#done[operation] === 1) return undefined;
    let waiting = this.#waiting.get(operation);
    if (waiting === undefined) {
      waiting = deferred<undefined>();
      if (this.#failure !== undefined) waiting.reject(this.#failure);
      this.#waiting.set(operation, waiting);
    }
    return waiting.promise;
  }

  /** Rejects who waits, now and later. */
  fail(error: Error): void {
    this.#failure = error;
    for (const waiting of this.#waiting.values()) waiting.reject(error);
  }
}
