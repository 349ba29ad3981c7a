import { InvariantError } from '@epemu/core';
import { FrameDecodeError } from './errors.js';
import type { Counters } from './fabric.js';

/** What the windows of one side share. */
interface Side {
  readonly limit: number;
  readonly counters: Counters;
  abandoned: boolean;
}

/** The sender's side of one credit window. */
export class SendWindow<Waiting> {
  readonly #side: Side;
  /** Credits taken and not yet returned. */
  #taken = 0;
  readonly #waiting: Waiting[] = [];

  constructor(side: Side) {
    this.#side = side;
  }

  /** Takes a credit. @returns false when there is none: the caller then has to {@link wait}. */
  take(): boolean {
    const { limit, counters } = this.#side;
    if (this.#taken >= limit) return false;
    this.#taken++;
    counters.creditsTaken++;
    return true;
  }

  /** Queues something behind all that already waits for this window, after {@link take} returned false. */
  wait(waiting: Waiting): void {
    this.#waiting.push(waiting);
    this.#side.counters.payloadsWaiting++;
  }

  /**
   * Returns credits.
   *
   * @returns what waited and has a credit now, in the order it came.
   * @throws FrameDecodeError when more credits come back than were taken.
   */
  give(count: number): readonly Waiting[] {
    const { limit, counters, abandoned } = this.#side;
    if (abandoned) return NOTHING;
    if (count > this.#taken) {
      throw new FrameDecodeError(`${count} credits were returned where ${this.#taken} were taken`);
    }
    this.#taken -= count;
    counters.creditsTaken -= count;
    if (this.#waiting.length === 0) return NOTHING;
    const served = this.#waiting.splice(0, limit - this.#taken);
    this.#taken += served.length;
    counters.creditsTaken += served.length;
    counters.payloadsWaiting -= served.length;
    return served;
  }

  /** Takes all credits off the counts, as they will not come back. @returns what was waiting. */
  abandon(): Waiting[] {
    const { counters } = this.#side;
    const abandoned = this.#waiting.splice(0);
    counters.creditsTaken -= this.#taken;
    counters.payloadsWaiting -= abandoned.length;
    return abandoned;
  }
}

const NOTHING: readonly never[] = [];

/**
 * The sender's side of the credit windows. A window is a (from, to, stream, hop) as {@link windowKey} numbers it;
 * windows do not wait for each other, so that a blocked hop 1 cannot block the hop 0 that would unblock it.
 */
export class SendWindows<Waiting> {
  readonly #side: Side;
  readonly #windows = new Map<number, SendWindow<Waiting>>();

  /** @param limit credits per window. @throws InvariantError when it is not a positive integer. */
  constructor(limit: number, counters: Counters) {
    if (!Number.isSafeInteger(limit) || limit < 1) {
      throw new InvariantError(`creditsPerPeer must be a positive integer, not ${limit}`);
    }
    this.#side = { limit, counters, abandoned: false };
  }

  /** @returns the window of a key, always the same one. */
  of(key: number): SendWindow<Waiting> {
    let window = this.#windows.get(key);
    if (window === undefined) this.#windows.set(key, (window = new SendWindow(this.#side)));
    return window;
  }

  /** Empties all queues; credits that are still out will not come back. @returns what was waiting. */
  abandon(): Waiting[] {
    if (this.#side.abandoned) return [];
    this.#side.abandoned = true;
    return [...this.#windows.values()].flatMap((window) => window.abandon());
  }
}

/** The receiver's side of one credit window. */
export class ReceiveWindow {
  readonly #side: Side;
  #queued = 0;

  constructor(side: Side) {
    this.#side = side;
  }

  /**
   * Counts a payload in.
   *
   * @throws FrameDecodeError when the sender had no credit for it.
   */
  accept(): void {
    const { limit, counters, abandoned } = this.#side;
    if (this.#queued >= limit) {
      throw new FrameDecodeError(`a payload came without credit: ${limit} of its window are queued already`);
    }
    this.#queued++;
    if (this.#queued > counters.maxQueuedPayloads) counters.maxQueuedPayloads = this.#queued;
    if (!abandoned) counters.payloadsQueued++;
  }

  /** Counts a payload out. */
  release(): void {
    this.#queued--;
    if (!this.#side.abandoned) this.#side.counters.payloadsQueued--;
  }

  /** Takes what is queued off the counts. */
  abandon(): void {
    this.#side.counters.payloadsQueued -= this.#queued;
  }
}

/** The receiver's side of the credit windows: it holds the sender to them, which bounds the queues. */
export class ReceiveWindows {
  readonly #side: Side;
  readonly #windows = new Map<number, ReceiveWindow>();

  /** @param limit credits per window. */
  constructor(limit: number, counters: Counters) {
    this.#side = { limit, counters, abandoned: false };
  }

  /** @returns the window of a key, always the same one. */
  of(key: number): ReceiveWindow {
    let window = this.#windows.get(key);
    if (window === undefined) this.#windows.set(key, (window = new ReceiveWindow(this.#side)));
    return window;
  }

  /** Nothing is released any more. */
  abandon(): void {
    if (this.#side.abandoned) return;
    this.#side.abandoned = true;
    for (const window of this.#windows.values()) window.abandon();
  }
}
