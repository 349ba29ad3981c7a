import type { RankContent, RankView, RecordedWaits } from '@epemu/timeline';
import type { RunFacts } from '../model.js';
import { ROUNDING_NS, gatesOf, isTold } from './gates.js';
import { wakersOf } from './wakers.js';

/** Edges into one rank's kernels. */
export class RankEdges {
  readonly #rank: RankContent;
  readonly #gates: readonly (readonly number[])[];
  readonly #ends: Float64Array;
  readonly #starts: Float64Array;
  readonly #lastRow: Int32Array;
  readonly #instanceBefore: Int32Array;
  readonly #instance: Int32Array;
  /** The last row so far of each stream, and by row the one before it on its own. */
  readonly #lastOnStream: Int32Array;
  readonly #beforeOnStream: Int32Array;
  /** Streams that have had rows of an instance, by instance. */
  readonly #streamsOf: (Set<number> | undefined)[] = [];

  readonly #wakers: Int32Array | undefined;
  /** What calls in the trace tell; of a program's own traces the program does. */
  readonly #waits: RecordedWaits | undefined;
  /** By row: whether one of another stream waited for it. */
  readonly #isWaker: Uint8Array | undefined;

  constructor(view: RankView, facts: RunFacts) {
    const rank = view.content;
    this.#rank = rank;
    // A program says what its phases wait for, and annotations tell phases that do so every time.
    this.#wakers = facts.operations.length > 0 ? undefined : wakersOf(rank);
    this.#waits = facts.operations.length > 0 ? undefined : rank.waits;
    if (this.#wakers !== undefined) {
      this.#isWaker = new Uint8Array(rank.kernels.count);
      for (const waker of this.#wakers) if (waker >= 0) this.#isWaker[waker] = 1;
      for (const rows of this.#waits?.before.values() ?? []) for (const waker of rows) this.#isWaker[waker] = 1;
    }
    this.#gates = gatesOf(view, facts);
    this.#starts = rank.kernels.startNs;
    this.#ends = rank.kernels.endNs;
    this.#instance = rank.kernels.instance;
    this.#lastOnStream = new Int32Array(rank.streams.length);
    this.#beforeOnStream = new Int32Array(rank.kernels.count);
    // The kernel of each instance that ends last.
    this.#lastRow = Int32Array.from(rank.instances, ({ rows }) => {
      let last = rows[0];
      for (const row of rows) if (this.#ends[row] >= this.#ends[last]) last = row;
      return last;
    });
    const lastOnStream = new Map<number, number>();
    this.#instanceBefore = Int32Array.from(rank.instances, ({ stream }, index) => {
      const before = lastOnStream.get(stream) ?? -1;
      lastOnStream.set(stream, index);
      return before;
    });
  }

  /** Whether what waits for a row's phase, or woke up by it, waits for the row. */
  isAwaited(row: number): boolean {
    if (this.#isWaker?.[row] === 1) return true;
    return this.#instance[row] >= 0 && this.#lastRow[this.#instance[row]] === row;
  }

  /** @returns by row the rows that it waited for. */
  *rows(): Generator<Set<number>> {
    const { kernels, streams, instances } = this.#rank;
    const { stream } = kernels;
    const instance = this.#instance;
    const lastOnStream = this.#lastOnStream.fill(-1);
    for (let row = 0; row < kernels.count; row++) {
      const before = new Set<number>();
      const add = (candidate: number): void => {
        // What started later was not waited for: within what rounding adds, two could wait for each other.
        if (candidate < 0 || candidate >= row) return;
        if (this.#ends[candidate] <= this.#starts[row] + ROUNDING_NS) before.add(candidate);
      };
      const own = instance[row];
      const previous = lastOnStream[stream[row]];
      // A stream runs one after the other, whatever rounding, or a trace that is wrong, makes of it.
      if (previous >= 0) before.add(previous);
      if (this.#wakers !== undefined) add(this.#wakers[row]);
      for (const other of this.#waits?.before.get(row) ?? []) add(other);
      if (own >= 0 && !isTold(this.#waits, row)) {
        if (instances[own].rows[0] === row) {
          for (const gate of this.#gates[own]) add(this.#lastRow[gate]);
          // A second stream's part of the phase before counts as well.
          if (this.#instanceBefore[own] >= 0) add(this.#lastRow[this.#instanceBefore[own]]);
        } else if (previous < 0 || instance[previous] !== own) {
          add(this.#latestWithin(own, row, -1));
        } else if (streams.length > 1) {
          add(this.#latestWithin(own, row, stream[row]));
        }
      }
      this.#beforeOnStream[row] = previous;
      lastOnStream[stream[row]] = row;
      if (own >= 0) (this.#streamsOf[own] ??= new Set()).add(stream[row]);
      yield before;
    }
  }

  /**
   * @returns the kernel of the phase that ended last before a row starts, of all streams but one: where a second stream
   * forks off, or joins again; −1 for none.
   */
  #latestWithin(instance: number, row: number, without: number): number {
    const [first] = this.#rank.instances[instance].rows;
    let latest = -1;
    for (const stream of this.#streamsOf[instance] ?? []) {
      if (stream === without) continue;
      const last = this.#lastOnStream[stream];
      // A stream's ends ascend, so the first that fits is its latest.
      let other = last;
      while (other >= first && (this.#instance[other] !== instance || this.#ends[other] > this.#starts[row])) {
        other = this.#beforeOnStream[other];
      }
      if (other >= first && (latest < 0 || this.#ends[other] > this.#ends[latest])) latest = other;
    }
    return latest;
  }
}
