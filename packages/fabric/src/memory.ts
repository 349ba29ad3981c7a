import { asRejection } from './as-rejection.js';
import { DEFAULT_CREDITS_PER_PEER, DEFAULT_MAX_PAYLOAD_BYTES, type Endpoint, type Fabric } from './fabric.js';
import { type FabricStatistics, newCounters, type Receiver } from './fabric.js';
import { LocalDelivery } from './local-delivery.js';

/** Options of {@link MemoryFabric}. */
export interface MemoryFabricOptions {
  /** Payloads that may be unreleased per (from, to, stream, hop). @default 8 */
  readonly creditsPerPeer?: number;
  /** The longest payload, in bytes. @default 64 MiB */
  readonly maxPayloadBytes?: number;
}

/** The fabric with all ranks in one process: nothing is encoded, the rules are those of the sockets. */
export class MemoryFabric implements Fabric {
  readonly #counters = newCounters();
  readonly #local: LocalDelivery;

  constructor(options: MemoryFabricOptions = {}) {
    this.#local = new LocalDelivery({
      creditsPerPeer: options.creditsPerPeer ?? DEFAULT_CREDITS_PER_PEER,
      maxPayloadBytes: options.maxPayloadBytes ?? DEFAULT_MAX_PAYLOAD_BYTES,
      counters: this.#counters,
    });
  }

  attach(rank: number, receiver: Receiver): Endpoint {
    this.#local.attach(rank, receiver);
    return {
      rank,
      sendHeader: (header) => {
        this.#local.sendHeader(rank, header);
      },
      sendPayload: (payload) => asRejection(() => this.#local.sendPayload(rank, payload)),
    };
  }

  get statistics(): FabricStatistics {
    return { ...this.#counters };
  }

  close(): Promise<void> {
    this.#local.close();
    return Promise.resolve();
  }
}
