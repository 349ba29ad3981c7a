import { mean, rounded } from '@epemu/core';
import type { ReceiptColumns } from '@epemu/timeline';
import type { LayerImbalance } from './figure-report.js';

/** Expert rows of one dispatch, summed over the ranks added so far. */
interface DispatchRows {
  readonly layer: number;
  ranks: number;
  rows: number;
  rankMax: number;
  expertMax: number;
}

/** Sums what experts received in each dispatch, rank by rank. */
export class DispatchRowsAccumulator {
  readonly #experts: number;
  readonly #dispatches = new Map<string, DispatchRows>();

  /** @param experts routed experts of a layer over all ranks (redundant replicas included). */
  constructor(experts: number) {
    this.#experts = experts;
  }

  /** Takes what a rank's experts received. */
  add(receipts: ReceiptColumns): void {
    const [layer, microBatch] = [receipts.column('layer'), receipts.column('microBatch')];
    const [rows, expertMax] = [receipts.column('expertRows'), receipts.column('expertRowsMax')];
    const seen = new Map<string, number>();
    for (let row = 0; row < receipts.count; row++) {
      // A layer and micro-batch may dispatch more than once; only the same call of all ranks belongs together.
      const call = `${layer[row]} ${microBatch[row]}`;
      const turn = seen.get(call) ?? 0;
      seen.set(call, turn + 1);
      const key = `${call} ${turn}`;
      let dispatch = this.#dispatches.get(key);
      if (dispatch === undefined) {
        dispatch = { layer: layer[row], ranks: 0, rows: 0, rankMax: 0, expertMax: 0 };
        this.#dispatches.set(key, dispatch);
      }
      dispatch.ranks++;
      dispatch.rows += rows[row];
      dispatch.rankMax = Math.max(dispatch.rankMax, rows[row]);
      dispatch.expertMax = Math.max(dispatch.expertMax, expertMax[row]);
    }
  }

  /** @returns how unevenly layers' rows fell to ranks and experts, mean over a layer's dispatches, ascending. */
  imbalance(): LayerImbalance[] {
    const layers = new Map<number, DispatchRows[]>();
    for (const dispatch of this.#dispatches.values()) {
      if (dispatch.rows === 0) continue;
      layers.set(dispatch.layer, [...(layers.get(dispatch.layer) ?? []), dispatch]);
    }
    return [...layers]
      .sort(([a], [b]) => a - b)
      .map(([layer, dispatches]) => ({
        layer,
        rankMaxOverMean: rounded(mean(dispatches.map(({ rankMax, rows, ranks }) => rankMax / (rows / ranks)))),
        expertMaxOverMean: rounded(mean(dispatches.map(({ expertMax, rows }) => expertMax / (rows / this.#experts)))),
      }));
  }
}
