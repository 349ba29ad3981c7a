import type { TraceRank, TraceSet } from '../model.js';
import { ROUNDING_NS, gatesOf } from './gates.js';

/** Edges into one rank's kernels. */
export class RankEdges {
  readonly #rank: TraceRank;
  readonly #gates: readonly (readonly number[])[];
  readonly #ends: Float64Array;
  readonly #starts: Float64Array;
  readonly #lastRow: Int32Array;
  readonly #instanceBefore: Int32Array;

  constructor(rank: TraceRank, set: TraceSet) {
    this.#rank = rank;
    this.#gates = gatesOf(rank, set.facts);
    this.#starts = rank.kernels.column('startNs');
    this.#ends = rank.kernels.column('endNs');
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

  /** @returns by row the rows that it waited for. */
  *rows(): Generator<Set<number>> {
    const { kernels, streams, instances } = this.#rank;
    const [stream, instance] = [kernels.column('stream'), kernels.column('instance')];
    const lastOnStream = new Int32Array(streams.length).fill(-1);
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
      if (own >= 0) {
        if (instances[own].rows[0] === row) {
          for (const gate of this.#gates[own]) add(this.#lastRow[gate]);
          // A second stream's part of the phase before counts as well.
          if (this.#instanceBefore[own] >= 0) add(this.#lastRow[this.#instanceBefore[own]]);
        } else if (previous < 0 || instance[previous] !== own) {
          add(this.#latestWithin(own, row));
        } else if (streams.length > 1) {
          add(this.#joined(own, row, stream));
        }
      }
      lastOnStream[stream[row]] = row;
      yield before;
    }
  }

  /** @returns the kernel of the phase that ended last before a row starts: where a second stream forks off. */
  #latestWithin(instance: number, row: number): number {
    let latest = -1;
    for (const other of this.#rank.instances[instance].rows) {
      if (other >= row) break;
      if (this.#ends[other] > this.#starts[row]) continue;
      if (latest < 0 || this.#ends[other] > this.#ends[latest]) latest = other;
    }
    return latest;
  }

  /** @returns the kernel of the phase's other streams that ended last before a row, which may join it; −1 for none. */
  #joined(instance: number, row: number, stream: Float64Array): number {
    const { rows } = this.#rank.instances[instance];
    let latest = -1;
    for (const other of rows) {
      if (other >= row) break;
      if (stream[other] === stream[row] || this.#ends[other] > this.#starts[row]) continue;
      if (latest < 0 || this.#ends[other] > this.#ends[latest]) latest = other;
    }
    return latest;
  }
}
