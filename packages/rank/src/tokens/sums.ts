import type { TokenMessage } from './messages.js';

/** Rows that are being summed up: row `firstRow` begins at `values[at]`. */
export interface RowSums {
  readonly values: Float32Array;
  readonly at: number;
  readonly firstRow: number;
}

/**
 * Adds rows `from` (inclusive) to `to` (exclusive) of a chain of messages: row i to the row `targets[targetsAt + i]` of
 * the sums. The caller fixes the order of the calls, and by it the bits of the result.
 */
export function addRows(
  sums: RowSums,
  targets: Uint32Array,
  targetsAt: number,
  head: TokenMessage | undefined,
  from: number,
  to: number,
): void {
  const { values, at, firstRow } = sums;
  for (let message = head; message !== undefined; message = message.next) {
    const { lanes, first, vectorsAt } = message;
    const { floats } = message.slab;
    const end = Math.min(to, first + message.rows);
    for (let row = Math.max(from, first); row < end; row++) {
      const target = at + (targets[targetsAt + row] - firstRow) * lanes;
      const source = vectorsAt + (row - first) * lanes;
      for (let lane = 0; lane < lanes; lane++) values[target + lane] += floats[source + lane];
    }
  }
}
