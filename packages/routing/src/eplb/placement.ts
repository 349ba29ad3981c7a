import { GOLDEN, mix32 } from '@epemu/core';
import { callKey, tokenKey } from '../draws.js';
import type { LayerPlan } from './plan.js';

/** Keeps the choice of a replica apart from the router's draws, by which the expert was chosen. */
const REPLICA_TAG = 0x7265706c;

/** The call of the router whose tokens are sent on. */
export interface SpreadCall {
  readonly seed: number;
  readonly layer: number;
  readonly microBatch: number;
  readonly rank: number;
  readonly tokens: number;
  readonly topK: number;
}

/** Where the replicas of a layer's experts are: a place for each, consecutive ones on a GPU. */
export class ExpertPlacement {
  readonly plan: LayerPlan;
  /** Places of expert e: from `offsets[e]` to `offsets[e + 1]`. */
  readonly #offsets: Uint32Array;
  readonly #places: Uint16Array;

  constructor(plan: LayerPlan) {
    this.plan = plan;
    this.#offsets = new Uint32Array(plan.logicalToPhysical.length + 1);
    this.#places = Uint16Array.from(plan.logicalToPhysical.flat());
    plan.logicalToPhysical.forEach(({ length }, expert) => {
      this.#offsets[expert + 1] = this.#offsets[expert] + length;
    });
  }

  /** @returns the expert of which a replica is at a place. */
  expertAt(place: number): number {
    return this.plan.physicalToLogical[place];
  }

  /**
   * Sends each token to one of the replicas of each of its experts, all alike in the mean, by a hash of seed, layer,
   * micro-batch, rank, token and expert alone.
   *
   * @param expertIds [tokens × topK].
   * @param placeIds written: [tokens × topK].
   */
  spread(call: SpreadCall, expertIds: Uint16Array, placeIds: Uint16Array): void {
    const { tokens, topK } = call;
    const key = callKey(call);
    const [offsets, places] = [this.#offsets, this.#places];
    for (let token = 0; token < tokens; token++) {
      const ofToken = mix32(tokenKey(key, token) ^ REPLICA_TAG);
      for (let row = token * topK; row < (token + 1) * topK; row++) {
        const expert = expertIds[row];
        const first = offsets[expert];
        const count = offsets[expert + 1] - first;
        // Below 2^53: exact.
        const replica =
          count === 1 ? 0 : Math.floor((mix32(ofToken + Math.imul(expert, GOLDEN)) * count) / 0x100000000);
        placeIds[row] = places[first + replica];
      }
    }
  }
}
