import { hash32 } from '@epemu/core';
import type { Chain } from './chains.js';
import type { Routed } from './dispatch-messages.js';
import type { TokenPlane } from './plane.js';

/** Tells the draw of the token that is followed from all others. */
const SAMPLE_DRAW = 0x73616d70;

/**
 * Follows one token of a micro-batch, another one on each rank, through all layers and compares what came out with the
 * plain model. Each layer's own check starts from the layer's input; this one sees what happens between layers.
 */
export class ChainCheck {
  readonly #plane: TokenPlane;
  readonly #chain: Chain;
  /** Index of the token in the micro-batch. */
  readonly #token: number;
  readonly #expertIds: Uint16Array;
  readonly #weights: Float32Array;

  constructor(plane: TokenPlane, chain: Chain) {
    this.#plane = plane;
    this.#chain = chain;
    const { host } = plane;
    const { topK } = host.configuration.model;
    const { tokens } = host.microBatches[chain.microBatch];
    this.#token = hash32(SAMPLE_DRAW, host.configuration.seed, host.rank, chain.microBatch) % Math.max(1, tokens);
    const slots = plane.hidden === 0 ? 0 : chain.layers.length * topK;
    this.#expertIds = new Uint16Array(new SharedArrayBuffer(slots * 2));
    this.#weights = new Float32Array(new SharedArrayBuffer(slots * 4));
  }

  /** Notes which experts the token went to. */
  noteRouting(layer: number, { expertIds, weights, topK }: Routed): void {
    if (this.#expertIds.length === 0) return;
    const place = this.#chain.layers.findIndex((other) => other.layer === layer);
    const from = this.#token * topK;
    this.#expertIds.set(expertIds.subarray(from, from + topK), place * topK);
    this.#weights.set(weights.subarray(from, from + topK), place * topK);
  }

  /** Compares what came out of the last layer, or the gradient that came out of the first, [tokens × hidden]. */
  async run(output: Float32Array, direction: 'forward' | 'backward' = 'forward'): Promise<void> {
    const { host, hidden } = this.#plane;
    if (hidden === 0 || output.length === 0) return;
    const { seed, model } = host.configuration;
    const row = new Float32Array(new SharedArrayBuffer(hidden * 4));
    row.set(output.subarray(this.#token * hidden, (this.#token + 1) * hidden));
    const result = await host.pool.checkChain({
      ...{ seed, direction, topK: model.topK, shared: this.#plane.hasSharedExperts },
      layers: this.#chain.layers.map(({ layer, dense }) => ({ layer, dense })),
      token: this.#plane.firstToken(this.#chain.microBatch) + this.#token,
      expertIds: this.#expertIds,
      weights: this.#weights,
      output: row,
    });
    this.#plane.numerics.chainsChecked++;
    this.#plane.countCheck(result);
  }
}
