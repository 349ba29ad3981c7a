import type { TraceEvent } from './event.js';
import type { LintReport } from './lint-rules.js';

/** Begins and ends with one id: how many, the earliest time of each, and an event to point at. */
class Pairs {
  readonly #slots = new Map<number | string, number>();
  readonly #begins: number[] = [];
  readonly #ends: number[] = [];
  readonly #beginTs: number[] = [];
  readonly #endTs: number[] = [];
  readonly #index: number[] = [];
  readonly #beginIndex: number[] = [];

  add(id: number | string, begins: boolean, ts: number, index: number): void {
    let slot = this.#slots.get(id);
    if (slot === undefined) {
      this.#slots.set(id, (slot = this.#slots.size));
      this.#begins.push(0);
      this.#ends.push(0);
      this.#beginTs.push(Number.POSITIVE_INFINITY);
      this.#endTs.push(Number.POSITIVE_INFINITY);
      this.#index.push(index);
      this.#beginIndex.push(index);
    }
    const [counts, times] = begins ? [this.#begins, this.#beginTs] : [this.#ends, this.#endTs];
    counts[slot] = counts[slot] + 1;
    times[slot] = Math.min(times[slot], ts);
    // The end is what a viewer fails at.
    if (begins) this.#beginIndex[slot] = index;
    else this.#index[slot] = index;
  }

  *[Symbol.iterator](): Generator<{
    id: number | string;
    begins: number;
    ends: number;
    beginTs: number;
    endTs: number;
    index: number;
    beginIndex: number;
  }> {
    for (const [id, slot] of this.#slots) {
      yield {
        id,
        begins: this.#begins[slot],
        ends: this.#ends[slot],
        beginTs: this.#beginTs[slot],
        endTs: this.#endTs[slot],
        index: this.#index[slot],
        beginIndex: this.#beginIndex[slot],
      };
    }
  }
}

/** Pairs by category and name, ids within: strings are built per group, not per event. */
class PairGroups {
  readonly #groups = new Map<string, Map<string, Pairs>>();

  of(category: string, name: string): Pairs {
    let names = this.#groups.get(category);
    if (names === undefined) this.#groups.set(category, (names = new Map<string, Pairs>()));
    let pairs = names.get(name);
    if (pairs === undefined) names.set(name, (pairs = new Pairs()));
    return pairs;
  }

  *entries(): Generator<[string, Pairs]> {
    for (const [category, names] of this.#groups) for (const pairs of names.values()) yield [category, pairs];
  }
}

/** Rules about flows and async events. */
export class LinkRules {
  readonly #flows = new PairGroups();
  readonly #async = new PairGroups();

  /** Ends, by index, that are bound to the slice that begins next on their thread instead of the one around them. */
  readonly #toNext = new Set<number>();

  /** Takes the next event. */
  add(event: TraceEvent, index: number): void {
    const { ph, cat = '', name, id = '', ts = Number.NaN, bp } = event;
    if (ph === 'f' && bp !== 'e') this.#toNext.add(index);
    if (ph === 's' || ph === 'f') this.#flows.of(cat, name).add(id, ph === 's', ts, index);
    // The format pairs async events by category and id; names may differ.
    else if (ph === 'b' || ph === 'e') this.#async.of(cat, '').add(id, ph === 'b', ts, index);
  }

  /**
   * Checks what only the whole trace shows.
   *
   * @param boundTo by index of an event: start of the slice that a flow's end is bound to; not a number where there is none.
   */
  finish(report: LintReport, boundTo: Float64Array): void {
    for (const [category, pairs] of this.#flows.entries()) {
      for (const { id, begins, ends, beginTs, endTs, index, beginIndex } of pairs) {
        const what = `flow ${id} of ${category}`;
        if (begins === 0 || ends === 0 || begins > 1) {
          report.add('flow-paired', index, () => `${what} has ${begins} starts and ${ends} ends`);
        } else if (endTs < beginTs) {
          report.add('flow-forward', index, () => `${what} starts at ${beginTs} and ends at ${endTs}`);
        } else if (!this.#toNext.has(index) && boundTo[beginIndex] > boundTo[index]) {
          const [from, to] = [boundTo[beginIndex], boundTo[index]];
          report.add('flow-turned', index, () => `${what} leaves a slice that begins at ${from} for one of ${to}`);
        }
      }
    }
    for (const [category, pairs] of this.#async.entries()) {
      for (const { id, begins, ends, beginTs, endTs, index } of pairs) {
        const what = `async event ${id} of ${category}`;
        if (begins !== ends) report.add('async-paired', index, () => `${what} has ${begins} b and ${ends} e`);
        else if (endTs < beginTs) {
          report.add('async-paired', index, () => `${what} begins at ${beginTs} and ends at ${endTs}`);
        }
      }
    }
  }
}
