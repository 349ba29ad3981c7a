import { InvariantError, deferred } from '@epemu/core';
import type { Deferred } from '@epemu/core';
import { transferOperations } from '@epemu/schedule';
import type { Program } from '@epemu/schedule';
import type { SendLayout } from '../layout.js';

/** A layout that is to come or to be asked for. */
interface Slot {
  readonly layout: Deferred<SendLayout>;
  there: boolean;
  /** How often the program still asks for it. */
  asks: number;
}

/** The layouts of a rank's dispatches, by exchange: each is let go of when no transfer will ask for it. */
export class Layouts {
  readonly #slots = new Map<number, Slot>();
  #failure: Error | undefined;

  constructor(program: Program) {
    for (const { exchange, collective } of transferOperations(program)) {
      if (collective?.type !== 'dispatch' || exchange === undefined) continue;
      const slot = this.#slots.get(exchange);
      if (slot === undefined) this.#slots.set(exchange, { layout: deferred(), there: false, asks: 1 });
      else slot.asks++;
    }
  }

  /** Puts a layout there for the transfers to come. */
  put(exchange: number, layout: SendLayout): void {
    const slot = this.#slots.get(exchange);
    if (slot === undefined) return;
    slot.there = true;
    slot.layout.resolve(layout);
    this.#forget(exchange, slot);
  }

  /**
   * @returns the layout of a transfer, as soon as it is there.
   * @throws InvariantError when it was asked for more often than the program has transfers of it.
   */
  take(exchange: number): Promise<SendLayout> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    const slot = this.#slots.get(exchange);
    if (slot === undefined || slot.asks === 0) {
      throw new InvariantError(`no transfer of exchange ${exchange} is left to lay out`);
    }
    slot.asks--;
    this.#forget(exchange, slot);
    return slot.layout.promise;
  }

  /** Rejects who waits, now and later. */
  fail(error: Error): void {
    this.#failure = error;
    for (const { layout } of this.#slots.values()) layout.reject(error);
  }

  #forget(exchange: number, slot: Slot): void {
    if (slot.there && slot.asks === 0) this.#slots.delete(exchange);
  }
}
