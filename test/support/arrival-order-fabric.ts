import type { Endpoint, Fabric, FabricStatistics, Receiver } from '@epemu/fabric';
import { shifted } from './header-layout.js';

/** Hops from here on are those of notify, which queues nowhere. */
const FIRST_NOTIFY_HOP = 3;

/**
 * A mutant: in-ports serve in the order in which headers arrive on the host. A segment is told not to have begun before
 * those that came earlier, so that the live ranks' total order of segments becomes the order of arrival.
 */
export class ArrivalOrderFabric implements Fabric {
  readonly #inner: Fabric;

  constructor(inner: Fabric) {
    this.#inner = inner;
  }

  attach(rank: number, receiver: Receiver): Endpoint {
    const latest = new Map<string, number>();
    return this.#inner.attach(rank, {
      onHeader: (header) => {
        if (header.hop >= FIRST_NOTIFY_HOP) {
          receiver.onHeader(header);
          return;
        }
        const key = `${header.movement} ${header.hop}`;
        const integers = shifted(header.integers, (firstByteNs) => {
          const begin = Math.max(firstByteNs, (latest.get(key) ?? -1) + 1);
          latest.set(key, begin);
          return begin - firstByteNs;
        });
        receiver.onHeader({ ...header, integers });
      },
      onPayload: (payload, release) => {
        receiver.onPayload(payload, release);
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
    return this.#inner.close();
  }
}
