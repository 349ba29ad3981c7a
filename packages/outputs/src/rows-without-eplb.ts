import { placementAt, roleOfRank } from '@epemu/config';
import type { Configuration, Group } from '@epemu/config';
import { layerImbalance } from '@epemu/routing';
import type { LayerImbalance } from '@epemu/routing';
import type { RankRecord } from '@epemu/timeline';

/** Rows of the model's experts in one dispatch of a group. */
interface Dispatch {
  readonly layer: number;
  readonly group: Group;
  readonly rows: Float64Array;
}

/** Adds up what experts received, replicas of one together, and deals them out as a run without EPLB would. */
export class RowsWithoutEplb {
  readonly #configuration: Configuration;
  readonly #dispatches = new Map<string, Dispatch>();

  constructor(configuration: Configuration) {
    this.#configuration = configuration;
  }

  /** Takes what the replicas of a rank received. */
  add(rank: number, expertHashes: RankRecord['expertHashes']): void {
    const { model } = this.#configuration;
    const { group } = roleOfRank(this.#configuration, rank);
    const columns = (['layer', 'microBatch', 'expert', 'rows'] as const).map((name) => expertHashes.column(name));
    const [layers, microBatches, places, counts] = columns;
    for (let row = 0; row < expertHashes.count; row++) {
      const layer = layers[row];
      const key = `${group.name} ${layer} ${microBatches[row]}`;
      let dispatch = this.#dispatches.get(key);
      if (dispatch === undefined) {
        dispatch = { layer, group, rows: new Float64Array(model.experts) };
        this.#dispatches.set(key, dispatch);
      }
      const placement = placementAt(this.#configuration, group, layer);
      dispatch.rows[placement?.expertAt(places[row]) ?? places[row]] += counts[row];
    }
  }

  /** @returns imbalance by layer: what it would be with experts dealt out in order and no replicas. */
  imbalance(): ReadonlyMap<number, LayerImbalance> {
    const { hardware } = this.#configuration;
    const byLayer = new Map<number, Dispatch[]>();
    for (const dispatch of this.#dispatches.values()) {
      if (dispatch.rows.every((rows) => rows === 0)) continue;
      byLayer.set(dispatch.layer, [...(byLayer.get(dispatch.layer) ?? []), dispatch]);
    }
    return new Map(
      [...byLayer].map(([layer, dispatches]) => [
        layer,
        layerImbalance(layer, dispatches.map(inOrder), hardware.nodeSize),
      ]),
    );
  }
}

/** Consecutive experts on each rank that holds any, as evenly as their number allows. */
function inOrder({ group: { expertRanks }, rows }: Dispatch): Parameters<typeof layerImbalance>[1][number] {
  const first = (place: number): number => Math.floor((place * rows.length) / expertRanks.length);
  const ofRank = new Map(
    expertRanks.map((rank, place) => [
      rank,
      rows.subarray(first(place), first(place + 1)).reduce((sum, of) => sum + of, 0),
    ]),
  );
  return { ofRank, expertMax: rows.reduce((most, of) => Math.max(most, of), 0), experts: rows.length };
}
