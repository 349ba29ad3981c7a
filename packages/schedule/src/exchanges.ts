import { denseLayerCount } from '@epemu/config';
import type { Configuration } from '@epemu/config';
import type { EarlierForward, Operation, TokenExchange } from './program.js';

/** An operation before its exchange is known. */
export type Placed = Omit<Operation, 'exchange'>;

/** Lists the exchanges of a program: those of forwards before virtual time 0 first, then in launch order. */
export class ExchangeTable {
  readonly exchanges: TokenExchange[] = [];
  readonly earlier: EarlierForward[];
  readonly #index = new Map<string, number>();

  /** @param placeOf the micro-batch's place in its pass, by operation id. */
  constructor(configuration: Configuration, operations: readonly Placed[], placeOf: (id: number) => number) {
    const mode = operations.some(({ collective }) => collective?.mode === 'low-latency') ? 'low-latency' : 'normal';
    const forward = new Set(operations.filter(({ direction }) => direction === 'forward').map((o) => o.microBatch));
    const earlier = new Map<number, { layers: Set<number>; place: number }>();
    for (const { id, microBatch, direction, layer } of operations) {
      if (direction === 'forward' || forward.has(microBatch)) continue;
      const entry = earlier.get(microBatch) ?? { layers: new Set(), place: placeOf(id) };
      earlier.set(microBatch, entry);
      entry.layers.add(layer);
    }
    this.earlier = [...earlier].map(([microBatch, { layers, place }]) => ({
      microBatch,
      layers: [...layers]
        .sort((a, b) => a - b)
        .map((layer) => {
          const dense = layer >= 0 && layer < denseLayerCount(configuration);
          return { layer, dense, ...(dense ? {} : { exchange: this.#add({ layer, microBatch, mode, place }) }) };
        }),
    }));
    for (const { id, layer, microBatch, collective } of operations) {
      if (collective === undefined || collective.mode === 'pipeline') continue;
      this.#add({ layer, microBatch, mode: collective.mode, place: placeOf(id) });
    }
  }

  /** @returns the index of an operation's exchange; undefined where it moves no tokens to or from experts. */
  of({ layer, microBatch, collective }: Placed): number | undefined {
    if (collective === undefined || collective.mode === 'pipeline') return undefined;
    return this.#index.get(`${layer} ${microBatch}`);
  }

  #add(exchange: TokenExchange): number {
    const key = `${exchange.layer} ${exchange.microBatch}`;
    const index = this.#index.get(key) ?? this.exchanges.push(exchange) - 1;
    this.#index.set(key, index);
    return index;
  }
}
