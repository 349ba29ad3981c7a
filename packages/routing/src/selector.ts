import { GOLDEN, mix32 } from '@epemu/core';
import { drawOf, FRACTION_BITS, FRACTION_MASK, FRACTION_UNIT, scoreOf, scoreTable, TABLE_CENTRE } from './draws.js';
import type { RouterShape } from '@epemu/core';

/** The module's own, for V8 takes an imported constant for one that may change: choosing takes a quarter less. */
const STEP = GOLDEN;
/** Takes every draw for a candidate. */
const ALL = -1;
/** Expert ids have 16 bits. */
const MOST_EXPERTS = 1 << 16;

/*
 * Of the token at hand. They are the module's and not a selector's, for then V8 knows where they lie: choosing takes a
 * third less. Nothing in them outlives a call, and a call ends before another begins.
 */
/** The candidates, ascending, and what they are compared by: draws, or scores where there is a bias. */
const candidates = new Uint16Array(MOST_EXPERTS + 1);
const values = new Float64Array(MOST_EXPERTS);
/** Where each group's candidates begin; one more for the end. */
const starts = new Int32Array(MOST_EXPERTS + 1);
const groupScores = new Float64Array(MOST_EXPERTS);
/** What the best so far are compared by, in order. */
const best = new Float64Array(MOST_EXPERTS);

/**
 * A model's router for one token at a time: a group scores the sum of its two best experts (or its best), the best `topGroups`
 * groups stay, and the best `topK` experts among these are chosen; with one group this is plain top-k. Ties go to the lower id. Nothing is allocated per
 * token: training routes 2.6 M tokens × 256 experts.
 *
 * Most experts are never looked at but for their hash: only those whose draw is above a threshold are candidates. The
 * choice among candidates is the choice among all wherever each value that it rests on is above what any other expert can
 * have at most; where it is not, all are candidates.
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
  /** Upper 31 bits of a draw that make it a candidate when they exceed this. */
  readonly #threshold: number;
  /** What an expert has at most that is no candidate of {@link #threshold}. */
  readonly #thresholdBound: number;

  /** @param bias added to each expert's score when choosing; none chooses by the scores alone. */
  constructor(shape: RouterShape, bias?: Float64Array) {
    this.#shape = shape;
    this.#bias = bias;
    this.#groupTable = scoreTable(shape.scoring);
    this.#threshold = thresholdFor(shape);
    this.#thresholdBound = this.#boundOf(this.#threshold);
    this.keptGroups = new Uint16Array(shape.topGroups);
  }

  /** Writes the token's `topK` expert ids to `ids` from index `at` on, best first. */
  select(key: number, ids: Uint16Array, at: number): void {
    if (this.#selectAbove(this.#threshold, this.#thresholdBound, key, ids, at)) return;
    this.#selectAbove(ALL, -Infinity, key, ids, at);
  }

  /** @returns false when experts that are no candidates might have been chosen, or have decided between groups. */
  #selectAbove(threshold: number, bound: number, key: number, ids: Uint16Array, at: number): boolean {
    this.#collect(key, threshold);
    this.#evaluate(key);
    return this.#keepGroups(bound) && this.#chooseExperts(bound, ids, at);
  }

  /** @returns the highest value of an expert whose draw is not above the threshold. */
  #boundOf(threshold: number): number {
    if (threshold === ALL) return -Infinity;
    const draw = (threshold * 2 + 1) ^ 0x80000000;
    if (this.#bias === undefined) return draw;
    return scoreOf(this.#scores, draw) + this.#bias.reduce((most, bias) => Math.max(most, bias), -Infinity);
  }

  #collect(key: number, threshold: number): void {
    const { groups, experts } = this.#shape;
    const groupSize = experts / groups;
    let counter = key | 0;
    let count = 0;
    let expert = 0;
    for (let group = 0; group < groups; group++) {
      starts[group] = count;
      for (const end = expert + groupSize; expert < end; expert++) {
        const draw = mix32(counter) | 0;
        counter = (counter + STEP) | 0;
        // Behind the last candidate what is written is not kept.
        candidates[count] = expert;
        // No branch, for which draws pass cannot be predicted; of 31 bits, so that the difference cannot overflow.
        count += (threshold - ((draw ^ 0x80000000) >>> 1)) >>> 31;
      }
    }
    starts[groups] = count;
  }

  /** Draws anew for the candidates alone: to keep every draw would cost more. */
  #evaluate(key: number): void {
    const count = starts[this.#shape.groups];
    const bias = this.#bias;
    if (bias === undefined) {
      for (let i = 0; i < count; i++) values[i] = drawOf(key, candidates[i]);
      return;
    }
    const scores = this.#scores;
    for (let i = 0; i < count; i++) {
      const expert = candidates[i];
      const draw = mix32(key + Math.imul(expert, STEP)) | 0;
      // scoreOf by hand: the call costs a fifth of the loop.
      const index = (draw >> FRACTION_BITS) + TABLE_CENTRE;
      const low = scores[index];
      values[i] = low + (draw & FRACTION_MASK) * FRACTION_UNIT * (scores[index + 1] - low) + bias[expert];
    }
  }

  #keepGroups(bound: number): boolean {
    const { groups, topGroups, experts } = this.#shape;
    const kept = this.keptGroups;
    if (topGroups === groups) {
      for (let group = 0; group < groups; group++) kept[group] = group;
      return true;
    }
    if (!this.#scoreGroups(experts / groups, bound)) return false;
    // Drop the worst groups one by one (the higher id of two equal ones); what is left is ascending by itself.
    for (let dropped = topGroups; dropped < groups; dropped++) {
      let worst = 0;
      for (let group = 1; group < groups; group++) if (groupScores[group] <= groupScores[worst]) worst = group;
      groupScores[worst] = Infinity;
    }
    let count = 0;
    for (let group = 0; group < groups; group++) if (groupScores[group] !== Infinity) kept[count++] = group;
    return true;
  }

  #scoreGroups(groupSize: number, bound: number): boolean {
    const biased = this.#bias !== undefined;
    const both = this.#shape.groupScoreExperts > 1 && groupSize > 1;
    for (let group = 0; group < this.#shape.groups; group++) {
      let first = -Infinity;
      let second = -Infinity;
      for (let i = starts[group], end = starts[group + 1]; i < end; i++) {
        const value = values[i];
        if (value > second) {
          if (value > first) {
            second = first;
            first = value;
          } else second = value;
        }
      }
      if ((both ? second : first) < bound) return false;
      groupScores[group] = this.#valueScore(first, biased) + (both ? this.#valueScore(second, biased) : 0);
    }
    return true;
  }

  #valueScore(value: number, biased: boolean): number {
    return biased ? value : scoreOf(this.#groupTable, value);
  }

  #chooseExperts(bound: number, ids: Uint16Array, at: number): boolean {
    const { topK } = this.#shape;
    const kept = this.keptGroups;
    for (let slot = 0; slot < topK; slot++) best[slot] = -Infinity;
    let threshold = -Infinity;
    for (let k = 0; k < kept.length; k++) {
      const group = kept[k];
      for (let i = starts[group], end = starts[group + 1]; i < end; i++) {
        const value = values[i];
        // Strictly greater: of two equal ones the lower id, which came first, stays ahead.
        if (value > threshold) {
          let slot = topK - 1;
          while (slot > 0 && value > best[slot - 1]) {
            best[slot] = best[slot - 1]!;
            ids[at + slot] = ids[at + slot - 1]!;
            slot--;
          }
          best[slot] = value;
          ids[at + slot] = candidates[i];
          threshold = best[topK - 1]!;
        }
      }
    }
    return threshold > bound;
  }
}

/**
 * @returns the upper 31 bits that a draw must exceed so that some nine experts of a group and twice as many as are chosen
 * are candidates, so that few tokens need all; {@link ALL} where that is most of them.
 */
function thresholdFor({ experts, groups, topGroups, topK }: RouterShape): number {
  const ofGroup = topGroups === groups ? 0 : (9 * groups) / experts;
  const ofKept = ((2 * topK + 8) * groups) / (experts * topGroups);
  const share = Math.max(ofGroup, ofKept);
  return share > 0.6 ? ALL : Math.floor((1 - share) * 0x7fffffff);
}
