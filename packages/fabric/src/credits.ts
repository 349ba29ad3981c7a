import { InvariantError } from '@epemu/core';
import { FrameDecodeError } from './errors.js';
import type { Counters } from './fabric.js';

interface SendWindow<Waiting> {
  /** Credits taken and not yet returned. */
  taken: number;
  readonly waiting: Waiting[];
}

/**
 * The sender's side of the credit windows. A window is a (from, to, stream, hop) as {@link windowKey} numbers it;
 * windows do not wait for each other, so that a blocked hop 1 cannot block the hop 0 that would unblock it.
 */
export class SendWindows<Waiting> {
  readonly #limit: number;
  readonly #counters: Counters;
  readonly #windows = new Map<number, SendWindow<Waiting>>();
  #abandoned = false;

  /** @param limit credits per window. @throws InvariantError when it is not a positive integer. */
  constructor(limit: number, counters: Counters) {
    if (!Number.isSafeInteger(limit) || limit < 1) {
      throw new InvariantError(`creditsPerPeer must be a positive integer, not ${limit}`);
    }
    this.#limit = limit;
    this.#counters = counters;
  }

  /** Takes a credit. @returns false when there is none: the caller then has to {@link wait}. */
  take(key: number): boolean {
    let window = this.#windows.get(key);
    if (window === undefined) this.#windows.set(key, (window = { taken: 0, waiting: [] }));
    if (window.taken >= this.#limit) return false;
    window.taken++;
    this.#counters.creditsTaken++;
    return true;
  }

  /** Queues something behind all that already waits for this window, after {@link take} returned false. */
  wait(key: number, waiting: Waiting): void {
    this.#windows.get(key)!.waiting.push(waiting);
    this.#counters.payloadsWaiting++;
  }

  /**
   * Returns credits.
   *
   * @returns what waited and has a credit now, in the order it came.
   * @throws FrameDecodeError when more credits come back than were taken.
   */
  give(key: number, count: number): Waiting[] {
    if (this.#abandoned) return [];
    const window = this.#windows.get(key);
    if (window === undefined || count > window.taken) {
      throw new FrameDecodeError(`${count} credits were returned where ${window?.taken ?? 0} were taken`);
    }
    window.taken -= count;
    const served = window.waiting.splice(0, this.#limit - window.taken);
    window.taken += served.length;
    this.#counters.creditsTaken += served.length - count;
    this.#counters.payloadsWaiting -= served.length;
    return served;
  }

  /** Empties all queues; credits that are still out will not come back. @returns what was waiting. */
  abandon(): Waiting[] {
    if (this.#abandoned) return [];
    this.#abandoned = true;
    const abandoned: Waiting[] = [];
    for (const { taken, waiting } of this.#windows.values()) {
      this.#counters.creditsTaken -= taken;
      abandoned.push(...waiting.splice(0));
    }
    this.#counters.payloadsWaiting -= abandoned.length;
    return abandoned;
  }
}

/** The receiver's side: it holds the sender to its windows, which bounds the queues. */
export class ReceiveWindows {
  readonly #limit: number;
  readonly #counters: Counters;
  readonly #queued = new Map<number, number>();
  #abandoned = false;

  /** @param limit credits per window. */
  constructor(limit: number, counters: Counters) {
    this.#limit = limit;
    this.#counters = counters;
  }

  /**
   * Counts a payload in.
   *
   * @throws FrameDecodeError when the sender had no credit for it.
   */
  accept(key: number): void {
    const queued = (this.#queued.get(key) ?? 0) + 1;
    if (queued > this.#limit) {
      throw new FrameDecodeError(`a payload came without credit: ${this.#limit} of its window are queued already`);
    }
    this.#queued.set(key, queued);
    if (queued > this.#counters.maxQueuedPayloads) this.#counters.maxQueuedPayloads = queued;
    if (!this.#abandoned) this.#counters.payloadsQueued++;
  }

  /** Counts a payload out. */
  release(key: number): void {
    this.#queued.set(key, this.#queued.get(key)! - 1);
    if (!this.#abandoned) this.#counters.payloadsQueued--;
  }

  /** Nothing is released any more. */
  abandon(): void {
    if (this.#abandoned) return;
    this.#abandoned = true;
    for (const queued of this.#queued.values()) this.#counters.payloadsQueued -= queued;
  }
}
