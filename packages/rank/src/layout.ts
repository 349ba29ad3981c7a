import type { Topology } from './topology.js';

/** Senders cut messages into segments of at most this many tokens. */
export const SEGMENT_TOKENS = 512;

/** Few tokens are cut into about this many segments to a node, so that forwarding goes along with sending. */
const LEAST_SEGMENTS = 8;
const LEAST_SEGMENT_TOKENS = 16;

/** @returns how many tokens of a rank's `tokens` a segment to a node holds at most. */
export function segmentTokensFor(tokens: number): number {
  return Math.min(SEGMENT_TOKENS, Math.max(LEAST_SEGMENT_TOKENS, Math.ceil(tokens / LEAST_SEGMENTS)));
}

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
  /** Tokens of a segment to a node, at most. */
  readonly segmentTokens: number;
  readonly nodes: readonly NodeShare[];
  /** Rows, that is (token, slot) pairs, for each expert. */
  readonly rowsOfExpert: Uint32Array;
}

/** @returns how many tokens the given segment of a message of `tokens` tokens holds. */
export function segmentLength(tokens: number, segment: number, segmentTokens = SEGMENT_TOKENS): number {
  return Math.min(segmentTokens, tokens - segment * segmentTokens);
}

/** @returns how many segments a message of `tokens` tokens is cut into. */
export function segmentCount(tokens: number, segmentTokens = SEGMENT_TOKENS): number {
  return Math.ceil(tokens / segmentTokens);
}

/**
 * Lays out a rank's tokens by destination.
 * @param expertIds topK expert ids a token, [tokens × topK].
 */
export function buildLayout(topology: Topology, tokens: number, topK: number, expertIds: Uint16Array): SendLayout {
  const { nodes, nodeSize, experts } = topology;
  const rowsOfExpert = new Uint32Array(experts);
  const segmentTokens = segmentTokensFor(tokens);
  const counts = new Uint32Array(nodes);
  const lists = Array.from({ length: nodes }, () => new Uint32Array(tokens));
  const fanOuts = Array.from(
    { length: nodes },
    () => new Uint32Array((segmentCount(tokens, segmentTokens) + 1) * nodeSize),
  );
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
      const segment = Math.floor((counts[node] - 1) / segmentTokens);
      fanOuts[node][segment * nodeSize + topology.localIndexOf(member)]++;
    }
  }
  return {
    tokens,
    segmentTokens,
    rowsOfExpert,
    nodes: lists.map((list, node) => {
      const count = counts[node];
      const segments = segmentCount(count, segmentTokens);
      return { tokens: list.slice(0, count), fanOut: fanOuts[node].slice(0, segments * nodeSize) };
    }),
  };
}
