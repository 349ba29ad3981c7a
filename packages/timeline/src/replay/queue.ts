import { InvariantError } from '@epemu/core';
import TinyQueue from 'tinyqueue';

/** Something that happens at a virtual time; `key` orders what happens at the same time. */
interface QueuedEvent {
  readonly timeNs: number;
  readonly key: readonly number[];
  readonly happen: () => void;
}

function compare(a: QueuedEvent, b: QueuedEvent): number {
  if (a.timeNs !== b.timeNs) return a.timeNs - b.timeNs;
  for (let i = 0; i < a.key.length && i < b.key.length; i++) {
    const difference = a.key[i] - b.key[i];
    if (difference !== 0) return difference;
  }
  if (a === b) return 0;
  throw new InvariantError(`two events of replay tie at ${a.timeNs} ns: ${a.key.join(', ')}`);
}

/** One global queue of events in virtual time. */
export class EventQueue {
  readonly #queue = new TinyQueue<QueuedEvent>([], compare);
  nowNs = 0;

  /** Schedules an event; keys of events that may coincide must differ. */
  at(timeNs: number, key: readonly number[], happen: () => void): void {
    if (timeNs < this.nowNs)
      throw new InvariantError(`replay would have to go back from ${this.nowNs} to ${timeNs} ns`);
    this.#queue.push({ timeNs, key, happen });
  }

  /** Runs until nothing is left to happen. */
  run(): void {
    for (let event = this.#queue.pop(); event !== undefined; event = this.#queue.pop()) {
      this.nowNs = event.timeNs;
      event.happen();
    }
  }
}
