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
  /** Slots of these tokens whose experts live there, token by token. */
  readonly slots: Uint8Array;
  /** By token, where its slots end. */
  readonly slotEnds: Uint32Array;
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
 * @param expertIds topK expert ids a token, [tokens × topK]; topK at most 255.
 */
export function buildLayout(topology: Topology, tokens: number, topK: number, expertIds: Uint16Array): SendLayout {
  const { ranks, nodes, nodeSize, experts, memberOfExperts, nodeOfMembers, localIndexOfMembers } = topology;
  const nodeOfExpert = Uint32Array.from(memberOfExperts, (member) => nodeOfMembers[member]);
  const rowsOfExpert = new Uint32Array(experts);
  for (let row = 0; row < tokens * topK; row++) rowsOfExpert[expertIds[row]]++;
  const slotsOfNode = new Uint32Array(nodes);
  for (let expert = 0; expert < experts; expert++) slotsOfNode[nodeOfExpert[expert]] += rowsOfExpert[expert];
  const tokensOfNode = countTokens(nodes, nodeOfExpert, tokens, topK, expertIds);
  const segmentTokens = segmentTokensFor(tokens);
  const fanOutOfNode = tokensOfNode.map((count) => segmentCount(count, segmentTokens) * nodeSize);

  // All nodes' lists lie one behind the other: the loop below sees three arrays, whatever the number of nodes.
  const tokenAt = startsOf(tokensOfNode);
  const slotAt = startsOf(slotsOfNode);
  const fanOutAt = startsOf(fanOutOfNode);
  const nodeTokens = new Uint32Array(tokenAt[nodes]);
  const slotEnds = new Uint32Array(tokenAt[nodes]);
  const slots = new Uint8Array(slotAt[nodes]);
  const fanOut = new Uint32Array(fanOutAt[nodes]);
  const nextToken = tokenAt.slice(0, nodes);
  const nextSlot = slotAt.slice(0, nodes);
  const segmentAt = new Uint32Array(nodes);
  // Stamps tell whether this token was counted for a node or member already, without clearing anything per token.
  const nodeStamp = new Int32Array(nodes).fill(-1);
  const memberStamp = new Int32Array(ranks).fill(-1);
  for (let token = 0; token < tokens; token++) {
    for (let slot = 0; slot < topK; slot++) {
      const member = memberOfExperts[expertIds[token * topK + slot]];
      const node = nodeOfMembers[member];
      if (nodeStamp[node] !== token) {
        nodeStamp[node] = token;
        const at = nextToken[node]++;
        nodeTokens[at] = token;
        segmentAt[node] = fanOutAt[node] + Math.floor((at - tokenAt[node]) / segmentTokens) * nodeSize;
      }
      slots[nextSlot[node]++] = slot;
      slotEnds[nextToken[node] - 1] = nextSlot[node] - slotAt[node];
      if (memberStamp[member] === token) continue;
      memberStamp[member] = token;
      fanOut[segmentAt[node] + localIndexOfMembers[member]]++;
    }
  }
  const shares = Array.from(tokensOfNode, (_, node) => ({
    tokens: nodeTokens.subarray(tokenAt[node], tokenAt[node + 1]),
    slots: slots.subarray(slotAt[node], slotAt[node + 1]),
    slotEnds: slotEnds.subarray(tokenAt[node], tokenAt[node + 1]),
    fanOut: fanOut.subarray(fanOutAt[node], fanOutAt[node + 1]),
  }));
  return { tokens, segmentTokens, rowsOfExpert, nodes: shares };
}

/** @returns how many tokens each node gets. */
function countTokens(
  nodes: number,
  nodeOfExpert: Uint32Array,
  tokens: number,
  topK: number,
  expertIds: Uint16Array,
): Uint32Array {
  const counts = new Uint32Array(nodes);
  const stamp = new Int32Array(nodes).fill(-1);
  for (let token = 0; token < tokens; token++) {
    for (let row = token * topK; row < (token + 1) * topK; row++) {
      const node = nodeOfExpert[expertIds[row]];
      if (stamp[node] === token) continue;
      stamp[node] = token;
      counts[node]++;
    }
  }
  return counts;
}

/** @returns where each part begins, and where the last one ends. */
function startsOf(lengths: Uint32Array): Uint32Array {
  const starts = new Uint32Array(lengths.length + 1);
  for (let i = 0; i < lengths.length; i++) starts[i + 1] = starts[i] + lengths[i];
  return starts;
}
