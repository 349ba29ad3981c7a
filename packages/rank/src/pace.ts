import { deferred } from '@epemu/core';
import type { Deferred } from '@epemu/core';

/** The longest that a timer can wait, ms; a longer one would go off at once. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/**
 * Holds a rank back on the host, so that a run lasts long enough to be watched: its n-th row begins no earlier than n rows
 * after the rank began. Nothing virtual looks at it.
 */
export class Pace {
  readonly #msPerRow: number;
  readonly #waiting = new Map<NodeJS.Timeout, Deferred<undefined>>();
  #startedAtMs = 0;
  #failure: Error | undefined;

  /** @param rowsPerSecond rows a second of host time; null: as fast as the host goes. */
  constructor(rowsPerSecond: number | null) {
    this.#msPerRow = rowsPerSecond === null ? 0 : 1000 / rowsPerSecond;
  }

  /** The rank begins: rows count from now on. */
  start(): void {
    this.#startedAtMs = performance.now();
  }

  /** @returns a promise of a row's beginning; undefined where it may at once. It throws what {@link fail} was given. */
  row(row: number): Promise<void> | undefined {
    return this.#msPerRow === 0 && this.#failure === undefined ? undefined : this.#heldBack(row);
  }

  async #heldBack(row: number): Promise<void> {
    for (;;) {
      if (this.#failure !== undefined) throw this.#failure;
      const aheadMs = this.#startedAtMs + row * this.#msPerRow - performance.now();
      if (aheadMs <= 0) return;
      await this.#wait(Math.min(Math.ceil(aheadMs), LONGEST_TIMER_MS));
    }
  }

  /** Rejects everybody who waits, now and later; no timer is left. */
  fail(error: Error): void {
    this.#failure = error;
    for (const [timer, held] of this.#waiting) {
      clearTimeout(timer);
      held.reject(error);
    }
    this.#waiting.clear();
  }

  #wait(milliseconds: number): Promise<undefined> {
    const held = deferred<undefined>();
    const timer = setTimeout(() => {
      this.#waiting.delete(timer);
      held.resolve(undefined);
    }, milliseconds);
    this.#waiting.set(timer, held);
    return held.promise;
  }
}
