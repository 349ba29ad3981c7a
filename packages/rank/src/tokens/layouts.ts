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

/** @returns one number for a (layer, micro-batch). Layers start at −1. */
export function layerKey(layer: number, microBatch: number): number {
  return (layer + 1) * 2 + microBatch;
}

/** The layouts of a rank's dispatches, by (layer, micro-batch): each is let go of when no transfer will ask for it. */
export class Layouts {
  readonly #slots = new Map<number, Slot>();
  #failure: Error | undefined;

  constructor(program: Program) {
    for (const { layer, microBatch, collective } of transferOperations(program)) {
      if (collective?.type !== 'dispatch' || collective.mode === 'pipeline') continue;
      const key = layerKey(layer, microBatch);
      const slot = this.#slots.get(key);
      if (slot === undefined) this.#slots.set(key, { layout: deferred(), there: false, asks: 1 });
      else slot.asks++;
    }
  }

  /** Puts a layout there for the transfers to come. */
  put(layer: number, microBatch: number, layout: SendLayout): void {
    const slot = this.#slots.get(layerKey(layer, microBatch));
    if (slot === undefined) return;
    slot.there = true;
    slot.layout.resolve(layout);
    this.#forget(layer, microBatch, slot);
  }

  /**
   * @returns the layout of a transfer, as soon as it is there.
   * @throws InvariantError when it was asked for more often than the program has transfers of it.
   */
  take(layer: number, microBatch: number): Promise<SendLayout> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    const slot = this.#slots.get(layerKey(layer, microBatch));
    if (slot === undefined || slot.asks === 0) {
      throw new InvariantError(`no transfer of layer ${layer}, micro-batch ${microBatch} is left to lay out`);
    }
    slot.asks--;
    this.#forget(layer, microBatch, slot);
    return slot.layout.promise;
  }

  /** Rejects who waits, now and later. */
  fail(error: Error): void {
    this.#failure = error;
    for (const { layout } of this.#slots.values()) layout.reject(error);
  }

  #forget(layer: number, microBatch: number, slot: Slot): void {
    if (slot.there && slot.asks === 0) this.#slots.delete(layerKey(layer, microBatch));
  }
}
