import { InvariantError } from '@epemu/core';
import type { Header } from '@epemu/fabric';
import { TimingEvent } from './event-queue.js';
import type { EventQueue } from './event-queue.js';

interface Slot {
  readonly headers: Header[];
  expected: number;
  readonly complete: TimingEvent<readonly Header[]>;
}

/**
 * Collects headers by (movement, hop) and hands them over when all are there, ascending by sender: so no order ever
 * comes from arrival on the host.
 */
export class Mailbox {
  readonly #queue: EventQueue;
  readonly #slots = new Map<number, Slot>();

  constructor(queue: EventQueue) {
    this.#queue = queue;
  }

  #slot(movement: number, hop: number): Slot {
    const key = movement * 8 + hop;
    let slot = this.#slots.get(key);
    if (slot === undefined) {
      slot = { headers: [], expected: -1, complete: new TimingEvent() };
      this.#slots.set(key, slot);
    }
    return slot;
  }

  /** Takes in a header from the fabric. */
  deliver(header: Header): void {
    const slot = this.#slot(header.movement, header.hop);
    slot.headers.push(header);
    this.#settle(header.movement, header.hop, slot);
  }

  /** @returns the event of all `expected` headers of a hop being there, ascending by sender. */
  take(movement: number, hop: number, expected: number): TimingEvent<readonly Header[]> {
    const slot = this.#slot(movement, hop);
    slot.expected = expected;
    this.#settle(movement, hop, slot);
    return slot.complete;
  }

  #settle(movement: number, hop: number, slot: Slot): void {
    if (slot.expected < 0 || slot.headers.length < slot.expected) return;
    if (slot.headers.length > slot.expected) {
      const senders = slot.headers.map((header) => header.from).join(', ');
      throw new InvariantError(`movement ${movement}, hop ${hop}: more headers than peers (from ${senders})`);
    }
    this.#slots.delete(movement * 8 + hop);
    slot.headers.sort((a, b) => a.from - b.from);
    const twice = slot.headers.find((header, i) => header.from === slot.headers[i + 1]?.from);
    if (twice !== undefined) {
      throw new InvariantError(`movement ${movement}, hop ${hop}: rank ${twice.from} sent its header twice`);
    }
    this.#queue.happen(slot.complete, slot.headers);
  }
}
