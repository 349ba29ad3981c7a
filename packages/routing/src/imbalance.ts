import { mean, ratio, rounded } from '@epemu/core';

/** How unequal some counts are. */
export interface Unevenness {
  readonly maxOverMean: number;
  /** (max − mean) / mean. */
  readonly excess: number;
  readonly meanOverMax: number;
  /** 0: all alike; towards 1: one has all. */
  readonly gini: number;
}

/** Rows that the experts of a layer got in one dispatch. */
export interface CallRows {
  /** By rank that holds experts. */
  readonly ofRank: ReadonlyMap<number, number>;
  /** Of the fullest expert, and how many experts there are. */
  readonly expertMax: number;
  readonly experts: number;
}

/** How unevenly a layer's rows fall to experts, ranks (GPUs) and nodes: means over its dispatches. */
export interface LayerImbalance {
  readonly layer: number;
  readonly rankMaxOverMean: number;
  readonly expertMaxOverMean: number;
  readonly nodeMaxOverMean: number;
  /** Gini coefficient of the rows of ranks. */
  readonly gini: number;
  /** Ranks that hold experts and got no row in one dispatch at least, ascending. */
  readonly emptyRanks: readonly number[];
  readonly levels: { readonly rank: Unevenness; readonly node: Unevenness };
  /** Where EPLB places experts: the same rows with experts dealt out in order, without replicas. */
  readonly withoutEplb?: Omit<LayerImbalance, 'withoutEplb'>;
}

/** @returns how unequal counts are; all alike where there are none. */
export function unevennessOf(counts: readonly number[]): Unevenness {
  const sorted = [...counts].sort((a, b) => a - b);
  const total = sorted.reduce((sum, count) => sum + count, 0);
  if (total === 0) return { maxOverMean: 1, excess: 0, meanOverMax: 1, gini: 0 };
  const n = sorted.length;
  const maxOverMean = (sorted[n - 1] * n) / total;
  const weighted = sorted.reduce((sum, count, i) => sum + (2 * (i + 1) - n - 1) * count, 0);
  return { maxOverMean, excess: maxOverMean - 1, meanOverMax: 1 / maxOverMean, gini: weighted / (n * total) };
}

/** @returns the mean of each figure, to four decimals. */
export function meanUnevenness(of: readonly Unevenness[]): Unevenness {
  const over = (key: keyof Unevenness): number => rounded(mean(of.map((each) => each[key])));
  return {
    maxOverMean: over('maxOverMean'),
    excess: over('excess'),
    meanOverMax: over('meanOverMax'),
    gini: over('gini'),
  };
}

/** @param nodeSize GPUs of a node. @returns the rows of each node that holds experts. */
function rowsOfNodes(ofRank: ReadonlyMap<number, number>, nodeSize: number): number[] {
  const nodes = new Map<number, number>();
  for (const [rank, rows] of ofRank) {
    const node = Math.floor(rank / nodeSize);
    nodes.set(node, (nodes.get(node) ?? 0) + rows);
  }
  return [...nodes.values()];
}

/**
 * @param calls the layer's dispatches, those without a row left out.
 * @param nodeSize GPUs of a node.
 */
export function layerImbalance(layer: number, calls: readonly CallRows[], nodeSize: number): LayerImbalance {
  const rank = meanUnevenness(calls.map(({ ofRank }) => unevennessOf([...ofRank.values()])));
  const node = meanUnevenness(calls.map(({ ofRank }) => unevennessOf(rowsOfNodes(ofRank, nodeSize))));
  const empty = new Set(calls.flatMap(({ ofRank }) => [...ofRank].flatMap(([of, rows]) => (rows === 0 ? [of] : []))));
  return {
    layer,
    rankMaxOverMean: rank.maxOverMean,
    expertMaxOverMean: rounded(mean(calls.map(fullestExpert))),
    nodeMaxOverMean: node.maxOverMean,
    gini: rank.gini,
    emptyRanks: [...empty].sort((a, b) => a - b),
    levels: { rank, node },
  };
}

function fullestExpert({ ofRank, expertMax, experts }: CallRows): number {
  const rows = [...ofRank.values()].reduce((sum, of) => sum + of, 0);
  return ratio(expertMax * experts, rows);
}
