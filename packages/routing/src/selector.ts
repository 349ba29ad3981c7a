import { GOLDEN, mix32 } from '@epemu/core';
import { FRACTION_BITS, FRACTION_MASK, FRACTION_UNIT, scoreOf, scoreTable, TABLE_CENTRE } from './draws.js';
import type { RouterShape } from '@epemu/core';

/**
 * A model's router for one token at a time: a group scores the sum of its two best experts (or its best), the best `topGroups`
 * groups stay, and the best `topK` experts among these are chosen; with one group this is plain top-k. Ties go to the lower id. Nothing is allocated per
 * token: training routes 2.6 M tokens × 256 experts.
 */
export class Selector {
  /** Groups of the last selected token that stayed, ascending. */
  readonly keptGroups: Uint16Array;
  readonly #shape: RouterShape;
  readonly #bias: Float64Array | undefined;
  /** Of sigmoid scores, which a bias is added to. */
  readonly #scores = scoreTable();
  /** Of what a group's score is summed up where there is no bias. */
  readonly #groupTable: Float64Array;
  /** What the experts are compared by: draws, or scores where there is a bias. */
  readonly #values: Float64Array;
  readonly #groupScores: Float64Array;
  readonly #best: Float64Array;

  /** @param bias added to each expert's score when choosing; none chooses by the scores alone. */
  constructor(shape: RouterShape, bias?: Float64Array) {
    this.#shape = shape;
    this.#bias = bias;
    this.#groupTable = scoreTable(shape.scoring);
    this.#values = new Float64Array(shape.experts);
    this.#groupScores = new Float64Array(shape.groups);
    this.#best = new Float64Array(shape.topK);
    this.keptGroups = new Uint16Array(shape.topGroups);
  }

  /** Writes the token's `topK` expert ids to `ids` from index `at` on, best first. */
  select(key: number, ids: Uint16Array, at: number): void {
    if (this.#bias === undefined) this.#fillDraws(key);
    else this.#fillBiased(key, this.#bias);
    this.#keepGroups();
    this.#chooseExperts(ids, at);
  }

  #fillDraws(key: number): void {
    const values = this.#values;
    let counter = key | 0;
    for (let expert = 0; expert < values.length; expert++) {
      values[expert] = mix32(counter) | 0;
      counter = (counter + GOLDEN) | 0;
    }
  }

  #fillBiased(key: number, bias: Float64Array): void {
    const values = this.#values;
    const scores = this.#scores;
    let counter = key | 0;
    for (let expert = 0; expert < values.length; expert++) {
      const draw = mix32(counter) | 0;
      counter = (counter + GOLDEN) | 0;
      // scoreOf by hand: the call costs a fifth of the loop.
      const index = (draw >> FRACTION_BITS) + TABLE_CENTRE;
      const low = scores[index];
      values[expert] = low + (draw & FRACTION_MASK) * FRACTION_UNIT * (scores[index + 1] - low) + bias[expert];
    }
  }

  #keepGroups(): void {
    const { groups, topGroups, experts } = this.#shape;
    const kept = this.keptGroups;
    if (topGroups === groups) {
      for (let group = 0; group < groups; group++) kept[group] = group;
      return;
    }
    this.#scoreGroups(experts / groups);
    const scores = this.#groupScores;
    // Drop the worst groups one by one (the higher id of two equal ones); what is left is ascending by itself.
    for (let dropped = topGroups; dropped < groups; dropped++) {
      let worst = 0;
      for (let group = 1; group < groups; group++) if (scores[group] <= scores[worst]) worst = group;
      scores[worst] = Infinity;
    }
    let count = 0;
    for (let group = 0; group < groups; group++) if (scores[group] !== Infinity) kept[count++] = group;
  }

  #scoreGroups(groupSize: number): void {
    const values = this.#values;
    const scores = this.#groupScores;
    const biased = this.#bias !== undefined;
    const both = this.#shape.groupScoreExperts > 1 && groupSize > 1;
    let expert = 0;
    for (let group = 0; group < scores.length; group++) {
      let first = -Infinity;
      let second = -Infinity;
      for (const end = expert + groupSize; expert < end; expert++) {
        const value = values[expert];
        if (value > second) {
          if (value > first) {
            second = first;
            first = value;
          } else second = value;
        }
      }
      scores[group] = this.#valueScore(first, biased) + (both ? this.#valueScore(second, biased) : 0);
    }
  }

  #valueScore(value: number, biased: boolean): number {
    return biased ? value : scoreOf(this.#groupTable, value);
  }

  #chooseExperts(ids: Uint16Array, at: number): void {
    const { experts, groups, topK } = this.#shape;
    const groupSize = experts / groups;
    const values = this.#values;
    const best = this.#best;
    const kept = this.keptGroups;
    best.fill(-Infinity);
    let threshold = -Infinity;
    for (let k = 0; k < kept.length; k++) {
      const start = kept[k] * groupSize;
      for (let expert = start; expert < start + groupSize; expert++) {
        const value = values[expert];
        // Strictly greater: of two equal ones the lower id, which came first, stays ahead.
        if (value > threshold) {
          let slot = topK - 1;
          while (slot > 0 && value > best[slot - 1]) {
            best[slot] = best[slot - 1]!;
            ids[at + slot] = ids[at + slot - 1]!;
            slot--;
          }
          best[slot] = value;
          ids[at + slot] = expert;
          threshold = best[topK - 1]!;
        }
      }
    }
  }
}
