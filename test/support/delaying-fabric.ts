import type { Endpoint, Fabric, FabricStatistics, Receiver } from '@epemu/fabric';

/** Longest delay of a delivery, ms. */
const LONGEST_MS = 3;

/** A fabric whose deliveries come late by random host times, in order per sender and window as the contract says. */
export class DelayingFabric implements Fabric {
  readonly #inner: Fabric;
  readonly #lanes = new Map<string, (() => void)[]>();
  #closed = false;
  /** How many deliveries were late. */
  delayed = 0;

  constructor(inner: Fabric) {
    this.#inner = inner;
  }

  attach(rank: number, receiver: Receiver): Endpoint {
    return this.#inner.attach(rank, {
      onHeader: (header) => {
        this.#later(`header ${header.from} ${header.to}`, () => {
          receiver.onHeader(header);
        });
      },
      onPayload: (payload, release) => {
        const { from, to, stream, hop } = payload;
        this.#later(`payload ${from} ${to} ${stream} ${hop}`, () => {
          receiver.onPayload(payload, release);
        });
      },
      onPeerLost: (error) => {
        receiver.onPeerLost(error);
      },
    });
  }

  get statistics(): FabricStatistics {
    return this.#inner.statistics;
  }

  close(): Promise<void> {
    this.#closed = true;
    return this.#inner.close();
  }

  #later(lane: string, deliver: () => void): void {
    this.delayed++;
    const queue = this.#lanes.get(lane);
    if (queue !== undefined) {
      queue.push(deliver);
      return;
    }
    this.#lanes.set(lane, [deliver]);
    this.#wake(lane);
  }

  #wake(lane: string): void {
    setTimeout(() => {
      const queue = this.#lanes.get(lane) ?? [];
      const count = 1 + Math.floor(Math.random() * queue.length);
      for (const deliver of queue.splice(0, count)) if (!this.#closed) deliver();
      if (queue.length === 0 || this.#closed) this.#lanes.delete(lane);
      else this.#wake(lane);
    }, Math.random() * LONGEST_MS);
  }
}
