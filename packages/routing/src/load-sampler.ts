import { GOLDEN, mix32, unitInterval } from '@epemu/core';
import type { RouterShape } from '@epemu/core';
import { inclusionOf, groupInclusion } from './inclusion.js';

/** Keeps the draws of a choice by load apart from those of the scores. */
const LOAD_TAG = 0x6c6f6164;

/**
 * Chooses a token's experts so that each gets its share of the rows: systematic sampling over experts in an order drawn
 * anew for each token (Goodman and Kish 1950), first of groups, then of experts in them. An expert is chosen with the
 * probability of its share, whatever the others are, and pairs meet as in independent choices; drawing scores with a bias
 * would give shares that nobody asked for. Nothing is allocated per token.
 */
export class LoadSampler {
  readonly #shape: RouterShape;
  readonly #groupSize: number;
  /** Chance of each group to be one of a token's. */
  readonly #groupChance: Float64Array;
  /** Chance of each expert once its group is. */
  readonly #chance: Float64Array;
  readonly #groups: Uint16Array;
  readonly #order: Uint16Array;
  readonly #keptGroups: Uint16Array;
  readonly #taken: Uint8Array;
  /** State of the token's draws. */
  #counter = 0;

  /** @param loads relative load of each expert. */
  constructor(shape: RouterShape, loads: readonly number[]) {
    const { experts, groups, topGroups } = shape;
    this.#shape = shape;
    this.#groupSize = experts / groups;
    const inclusion = inclusionOf(loads, shape.topK);
    this.#groupChance = groupInclusion(inclusion, groups, topGroups);
    this.#chance = inclusion.map((chance, expert) => {
      const ofGroup = this.#groupChance[Math.floor(expert / this.#groupSize)];
      return ofGroup === 0 ? 0 : Math.min(1, chance / ofGroup);
    });
    this.#groups = Uint16Array.from({ length: groups }, (_, group) => group);
    this.#keptGroups = new Uint16Array(topGroups);
    this.#order = new Uint16Array(Math.max(groups, topGroups * this.#groupSize));
    this.#taken = new Uint8Array(experts);
  }

  /** Writes the token's `topK` expert ids to `ids` from index `at` on, in no order that means anything. */
  select(key: number, ids: Uint16Array, at: number): void {
    const { groups, topGroups, topK } = this.#shape;
    this.#counter = mix32(key ^ LOAD_TAG);
    if (topGroups === groups) this.#keptGroups.set(this.#groups);
    else {
      this.#order.set(this.#groups);
      this.#shuffle(0, groups);
      this.#choose(groups, this.#groupChance, topGroups, this.#keptGroups, 0);
    }
    const size = this.#groupSize;
    for (let k = 0; k < topGroups; k++) {
      const first = this.#keptGroups[k] * size;
      for (let i = 0; i < size; i++) this.#order[k * size + i] = first + i;
    }
    if (topGroups === groups) this.#shuffle(0, topGroups * size);
    else this.#shuffleGroups(topGroups, size);
    this.#choose(topGroups * size, this.#chance, topK, ids, at);
  }

  #draw(): number {
    this.#counter = (this.#counter + GOLDEN) | 0;
    return mix32(this.#counter);
  }

  /** Brings the places from `start` to `end` of the order into one that is drawn. */
  #shuffle(start: number, end: number): void {
    const order = this.#order;
    for (let i = end - 1; i > start; i--) {
      // Below 2^53: exact.
      const j = start + Math.floor((this.#draw() * (i - start + 1)) / 0x100000000);
      const moved = order[i];
      order[i] = order[j];
      order[j] = moved;
    }
  }

  /**
   * Draws an order that keeps groups together, for of each about as many experts are to be chosen. Halves of two neighbours
   * are mixed, so that it is one more or one less: nodes and ranks of a token then stay within 2 % of those of scores.
   */
  #shuffleGroups(kept: number, size: number): void {
    for (let k = 0; k < kept; k++) this.#shuffle(k * size, (k + 1) * size);
    const half = Math.floor(size / 2);
    for (let k = 0; k + 1 < kept; k += 2) this.#shuffle(k * size + half, (k + 1) * size + half);
  }

  /** Chooses `count` of the first `length` in the order by their chances, which add up to about `count`. */
  #choose(length: number, chance: Float64Array, count: number, ids: Uint16Array, at: number): void {
    const order = this.#order;
    let total = 0;
    for (let i = 0; i < length; i++) total += chance[order[i]];
    const step = total / count;
    let next = unitInterval(this.#draw()) * step;
    let sum = 0;
    let found = 0;
    const taken = this.#taken;
    for (let i = 0; i < length && found < count; i++) {
      sum += chance[order[i]];
      // One that would be hit twice leaves the second hit to the next that has any load.
      if (sum <= next || chance[order[i]] === 0) continue;
      ids[at + found++] = order[i];
      taken[order[i]] = 1;
      next += step;
    }
    // Fewer come out where chances add up to less than they should: then those that were passed over, by load.
    while (found < count) {
      let best = -1;
      for (let i = 0; i < length; i++) {
        if (taken[order[i]] === 0 && (best < 0 || chance[order[i]] > chance[best])) best = order[i];
      }
      ids[at + found++] = best;
      taken[best] = 1;
    }
    for (let k = 0; k < count; k++) taken[ids[at + k]] = 0;
  }
}
