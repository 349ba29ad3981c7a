import { isDenseLayer, pipelineOf, rolesOf } from '@epemu/config';
import type { LayerRange, Role } from '@epemu/config';
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
  /** [layers × topK], once the first layer is routed. */
  #expertIds = new Uint16Array(0);
  #weights = new Float32Array(0);

  constructor(plane: TokenPlane, chain: Chain) {
    this.#plane = plane;
    this.#chain = chain;
    const { host } = plane;
    const { tokens } = host.microBatches[chain.microBatch];
    this.#token = hash32(SAMPLE_DRAW, host.configuration.seed, host.rank, chain.microBatch) % Math.max(1, tokens);
  }

  /** Notes which experts the token went to. */
  noteRouting(layer: number, { chosenIds, weights, topK }: Routed): void {
    if (this.#plane.hidden === 0) return;
    if (this.#expertIds.length === 0) {
      this.#expertIds = new Uint16Array(this.#chain.layers.length * topK);
      this.#weights = new Float32Array(this.#chain.layers.length * topK);
    }
    const place = this.#chain.layers.findIndex((other) => other.layer === layer);
    const from = this.#token * topK;
    this.#expertIds.set(chosenIds.subarray(from, from + topK), place * topK);
    this.#weights.set(weights.subarray(from, from + topK), place * topK);
  }

  /** Compares what came out of the last layer, or the gradient that came out of the first, [tokens × hidden]. */
  async run(output: Float32Array, direction: 'forward' | 'backward' = 'forward'): Promise<void> {
    const { host, hidden } = this.#plane;
    if (hidden === 0 || output.length === 0) return;
    const { seed, model } = host.configuration;
    const row = new Float32Array(new SharedArrayBuffer(hidden * 4));
    row.set(output.subarray(this.#token * hidden, (this.#token + 1) * hidden));
    const elsewhere = await this.#routedElsewhere();
    const layers = [...elsewhere, ...this.#ownLayers()].sort((a, b) => a.layer - b.layer);
    const expertIds = new Uint16Array(new SharedArrayBuffer(layers.length * model.topK * 2));
    const weights = new Float32Array(new SharedArrayBuffer(layers.length * model.topK * 4));
    layers.forEach((layer, place) => {
      expertIds.set(layer.expertIds, place * model.topK);
      weights.set(layer.weights, place * model.topK);
    });
    const result = await host.pool.checkChain({
      ...{ seed, direction, topK: model.topK, shared: this.#plane.hasSharedExperts },
      layers: layers.map(({ layer, dense }) => ({ layer, dense })),
      token: this.#plane.firstToken(this.#chain.microBatch, this.#home(layers[0].layer)) + this.#token,
      // The loss is known where the last layer is.
      lossToken: this.#plane.firstToken(this.#chain.microBatch, this.#home(layers.at(-1)!.layer)) + this.#token,
      expertIds,
      weights,
      output: row,
    });
    this.#plane.numerics.chainsChecked++;
    this.#plane.countCheck(result);
  }

  #ownLayers(): RoutedLayer[] {
    const { topK } = this.#plane.host.configuration.model;
    return this.#chain.layers.map(({ layer, dense }, place) => ({
      layer,
      dense,
      expertIds: this.#expertIds.subarray(place * topK, (place + 1) * topK),
      weights: this.#weights.subarray(place * topK, (place + 1) * topK),
    }));
  }

  /** The token's experts in layers that other roles have: chosen once more, as its rank of that role chose them. */
  async #routedElsewhere(): Promise<RoutedLayer[]> {
    const { configuration, microBatches, buffers } = this.#plane.host;
    const { microBatch } = this.#chain;
    const { tokens } = microBatches[microBatch];
    const { topK } = configuration.model;
    const from = this.#token * topK;
    const layers: RoutedLayer[] = [];
    for (const { role, layers: theirs } of this.#others()) {
      for (let layer = theirs.first; layer <= theirs.last; layer++) {
        const dense = isDenseLayer(configuration, layer);
        if (dense) {
          layers.push({ layer, dense, expertIds: new Uint16Array(topK), weights: new Float32Array(topK) });
          continue;
        }
        const member = role.group.ranks.indexOf(this.#peer(role));
        const chosen = await this.#plane.choose({ layer, microBatch, member, group: role.group, tokens });
        const { expertIds, weights } = chosen;
        const [ids, ofSlots] = [expertIds.slice(from, from + topK), weights.slice(from, from + topK)];
        layers.push({ layer, dense, expertIds: ids, weights: ofSlots });
        buffers.release(expertIds, weights);
      }
    }
    return layers;
  }

  /** Who has the layers that this chain has not: before and behind it, from hand-over to hand-over. */
  #others(): readonly { readonly role: Role; readonly layers: LayerRange }[] {
    const { program, configuration, role: own } = this.#plane.host;
    const roles = rolesOf(configuration);
    const pipeline = pipelineOf(configuration);
    if (pipeline !== undefined) {
      const way = pipeline.wayOf(this.#chain.microBatch);
      const isOwn = ({ first }: LayerRange): boolean => this.#chain.layers.some(({ layer }) => layer === first);
      return pipeline.stages.flatMap((layers, stage) => (isOwn(layers) ? [] : [{ role: roles[way[stage]], layers }]));
    }
    const others: { role: Role; layers: LayerRange }[] = [];
    for (const type of ['receive', 'send'] as const) {
      let at: number | undefined = roles.indexOf(own);
      for (;;) {
        at = program.neighbours[at]?.[type];
        if (at === undefined) break;
        others.push({ role: roles[at], layers: roles[at].layers });
      }
    }
    return others;
  }

  #peer(role: Role): number {
    const { role: own, rank } = this.#plane.host;
    return role.ranks[own.ranks.indexOf(rank)];
  }

  /** The rank that has the token in a layer. */
  #home(layer: number): number {
    const home = this.#others().find(({ layers }) => layers.first <= layer && layer <= layers.last);
    return home === undefined ? this.#plane.host.rank : this.#peer(home.role);
  }
}

/** A layer that the token went through, and where: [topK] each. */
interface RoutedLayer {
  readonly layer: number;
  readonly dense: boolean;
  readonly expertIds: Uint16Array;
  readonly weights: Float32Array;
}
