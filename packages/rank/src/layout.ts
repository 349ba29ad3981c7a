import type { Topology } from './topology.js';

/** Senders cut messages into segments of at most this many tokens. */
export const SEGMENT_TOKENS = 512;

/** What a rank sends to one node: each token at most once, whatever number of its experts live there. */
export interface NodeShare {
  /** Indices of the tokens, ascending. */
  readonly tokens: Uint32Array;
  /** fanOut[segment × nodeSize + localIndex]: tokens of the segment that this GPU of the node needs. */
  readonly fanOut: Uint32Array;
}

/** Where a rank's tokens of one (layer, micro-batch) go. */
export interface SendLayout {
  readonly tokens: number;
  readonly nodes: readonly NodeShare[];
  /** Rows, that is (token, slot) pairs, for each expert. */
  readonly rowsOfExpert: Uint32Array;
}

/** @returns how many tokens the given segment of a message of `tokens` tokens holds. */
export function segmentLength(tokens: number, segment: number): number {
  return Math.min(SEGMENT_TOKENS, tokens - segment * SEGMENT_TOKENS);
}

/** @returns how many segments a message of `tokens` tokens is cut into. */
export function segmentCount(tokens: number): number {
  return Math.ceil(tokens / SEGMENT_TOKENS);
}

/**
 * Lays out a rank's tokens by destination.
 * @param expertIds topK expert ids a token, [tokens × topK].
 */
export function buildLayout(topology: Topology, tokens: number, topK: number, expertIds: Uint16Array): SendLayout {
  const { nodes, nodeSize, experts } = topology;
  const rowsOfExpert = new Uint32Array(experts);
  const counts = new Uint32Array(nodes);
  const lists = Array.from({ length: nodes }, () => new Uint32Array(tokens));
  const fanOuts = Array.from({ length: nodes }, () => new Uint32Array((segmentCount(tokens) + 1) * nodeSize));
  // Stamps tell whether this token was counted for a node or member already, without clearing anything per token.
  const nodeStamp = new Int32Array(nodes).fill(-1);
  const memberStamp = new Int32Array(topology.ranks).fill(-1);
  for (let token = 0; token < tokens; token++) {
    for (let slot = token * topK; slot < (token + 1) * topK; slot++) {
      const expert = expertIds[slot];
      rowsOfExpert[expert]++;
      const member = topology.memberOfExpert(expert);
      if (memberStamp[member] === token) continue;
      memberStamp[member] = token;
      const node = topology.nodeOf(member);
      if (nodeStamp[node] !== token) {
        nodeStamp[node] = token;
        lists[node][counts[node]++] = token;
      }
      const segment = Math.floor((counts[node] - 1) / SEGMENT_TOKENS);
      fanOuts[node][segment * nodeSize + topology.localIndexOf(member)]++;
    }
  }
  return {
    tokens,
    rowsOfExpert,
    nodes: lists.map((list, node) => {
      const count = counts[node];
      return { tokens: list.slice(0, count), fanOut: fanOuts[node].slice(0, segmentCount(count) * nodeSize) };
    }),
  };
}
