import { InvariantError, deferred } from '@epemu/core';
import type { Deferred } from '@epemu/core';

/**
 * What a rank does over virtual time, piece by piece: a stream, a hop of a collective, the CPU that launches. Where it
 * yields an event it goes on when that has happened.
 */
export type Activity<T> = Generator<TimingEvent<unknown>, T, undefined>;

/** What happens once, with a value that everybody who waits for it is given. */
export class TimingEvent<T> {
  #value: T | undefined;
  #happened = false;
  /** Who goes on when it happens; taken by the queue. */
  readonly waiting: Activity<void>[] = [];

  /** Whether it has happened. */
  get happened(): boolean {
    return this.#happened;
  }

  /** @returns what it happened with, as soon as it has. */
  *value(): Activity<T> {
    if (!this.#happened) yield this;
    return this.#value as T;
  }

  /** Makes it happen; the queue's business. @throws InvariantError where it has already. */
  set(value: T): void {
    if (this.#happened) throw new InvariantError('an event of a rank happened twice');
    this.#value = value;
    this.#happened = true;
  }
}

/**
 * The event queue of one rank. It advances all that the rank does (its streams' kernels, its transfers, its ports, its CPU)
 * in one loop, and is driven by nothing but what happens: a message that completes a hop, tokens that have arrived, an end
 * that a gate waits for. Activities take their turns in the order in which what they wait for has happened on the host;
 * no virtual time depends on it, since each reads only values that the program and messages fix.
 */
export class EventQueue {
  #due: Activity<void>[] = [];
  #isAdvancing = false;
  #running = 0;
  #failure: Error | undefined;
  readonly #ended: Deferred<undefined> = deferred();

  /** Resolves when all activities have ended. @throws what one of them, or {@link fail}, threw first. */
  get ended(): Promise<undefined> {
    return this.#ended.promise;
  }

  /** Lets an activity begin at the queue's next turn. @returns its end, with what it returns. */
  start<T>(activity: Activity<T>): TimingEvent<T> {
    const end = new TimingEvent<T>();
    this.#running++;
    this.#due.push(this.#toEnd(activity, end));
    return end;
  }

  /** Makes an event happen: who waits for it goes on, at once where nobody is going on already. */
  happen<T>(event: TimingEvent<T>, value: T): void {
    event.set(value);
    this.#due.push(...event.waiting.splice(0));
    this.advance();
  }

  /** @returns an event that happens when a promise of the host's is kept; if it is broken, the queue fails. */
  outside<T>(promise: Promise<T>): TimingEvent<T> {
    const event = new TimingEvent<T>();
    promise.then(
      (value) => {
        this.happen(event, value);
      },
      (error: unknown) => {
        this.fail(error);
      },
    );
    return event;
  }

  /** Lets everything go on that can. */
  advance(): void {
    if (this.#isAdvancing) return;
    this.#isAdvancing = true;
    try {
      while (this.#due.length > 0 && this.#failure === undefined) {
        const turn = this.#due;
        this.#due = [];
        for (const activity of turn) this.#goOn(activity);
      }
    } catch (error) {
      this.fail(error);
    } finally {
      this.#isAdvancing = false;
    }
    if (this.#running === 0) this.#ended.resolve(undefined);
  }

  /** Ends everything with an error; nothing goes on. */
  fail(error: unknown): void {
    if (this.#failure !== undefined) return;
    this.#failure = error instanceof Error ? error : new InvariantError(String(error));
    this.#due = [];
    this.#ended.reject(this.#failure);
  }

  #goOn(activity: Activity<void>): void {
    for (;;) {
      const { done, value: event } = activity.next();
      if (done === true) return;
      if (!event.happened) {
        event.waiting.push(activity);
        return;
      }
    }
  }

  *#toEnd<T>(activity: Activity<T>, end: TimingEvent<T>): Activity<void> {
    const value = yield* activity;
    this.#running--;
    this.happen(end, value);
  }
}
