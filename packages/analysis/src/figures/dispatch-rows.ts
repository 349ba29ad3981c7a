import { layerImbalance } from '@epemu/routing';
import type { LayerImbalance } from '@epemu/routing';
import type { ReceiptColumns } from '@epemu/timeline';

/** Expert rows of one dispatch, of the ranks added so far. */
interface DispatchRows {
  readonly layer: number;
  readonly ofRank: Map<number, number>;
  expertMax: number;
}

/** Collects what experts received in each dispatch, rank by rank. */
export class DispatchRowsAccumulator {
  readonly #experts: number;
  readonly #nodeSize: number;
  readonly #dispatches = new Map<string, DispatchRows>();

  /**
   * @param experts routed experts of a layer over all ranks (redundant replicas included).
   * @param nodeSize GPUs of a node.
   */
  constructor(experts: number, nodeSize: number) {
    this.#experts = experts;
    this.#nodeSize = nodeSize;
  }

  /** Takes what a rank's experts received. */
  add(rank: number, receipts: ReceiptColumns): void {
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
        dispatch = { layer: layer[row], ofRank: new Map(), expertMax: 0 };
        this.#dispatches.set(key, dispatch);
      }
      dispatch.ofRank.set(rank, rows[row]);
      dispatch.expertMax = Math.max(dispatch.expertMax, expertMax[row]);
    }
  }

  /** @returns how unevenly layers' rows fell to experts, ranks and nodes, mean over a layer's dispatches, ascending. */
  imbalance(): LayerImbalance[] {
    const layers = new Map<number, DispatchRows[]>();
    for (const dispatch of this.#dispatches.values()) {
      if (dispatch.expertMax === 0) continue;
      const ofLayer = layers.get(dispatch.layer);
      if (ofLayer === undefined) layers.set(dispatch.layer, [dispatch]);
      else ofLayer.push(dispatch);
    }
    return [...layers]
      .sort(([a], [b]) => a - b)
      .map(([layer, dispatches]) => {
        const calls = dispatches.map((dispatch) => ({ ...dispatch, experts: this.#experts }));
        return layerImbalance(layer, calls, this.#nodeSize);
      });
  }
}
