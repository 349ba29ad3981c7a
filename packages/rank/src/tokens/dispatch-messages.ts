import { InvariantError } from '@epemu/core';
import type { SendLayout } from '../layout.js';
import type { Topology } from '../topology.js';
import type { Arena } from './buffers.js';
import { NO_ROUTING, TOKEN_LIMIT, copyValues, newMessage } from './messages.js';
import type { Chunk, TokenMessage } from './messages.js';

/** One rank's routing of one (layer, micro-batch). */
export interface Routed {
  readonly layout: SendLayout;
  readonly topK: number;
  /** Expert of each (token, slot) as the group numbers them, which is the place of a replica; [tokens × topK]. */
  readonly expertIds: Uint16Array;
  /** The model's expert that each of these is: what the router chose; [tokens × topK]. */
  readonly chosenIds: Uint16Array;
  /** Router weight of each (token, slot); [tokens × topK]. */
  readonly weights: Float32Array;
}

/** @throws InvariantError when a message could not hold a routing of this size. */
export function assertRoutable({ layout, topK }: Routed): void {
  if (layout.tokens > TOKEN_LIMIT || topK > 0xff) {
    throw new InvariantError(`messages cannot hold ${layout.tokens} tokens of ${topK} experts each`);
  }
}

/** @returns a message of rows for one node with the entries of the node's experts. */
export function routedMessage(
  arena: Arena,
  routed: Routed,
  node: number,
  chunk: Chunk,
  vectors: Float32Array,
): TokenMessage {
  const { first, rows, lanes } = chunk;
  const { topK, expertIds, weights } = routed;
  const { tokens, slots, slotEnds } = routed.layout.nodes[node];
  const firstSlot = first === 0 ? 0 : slotEnds[first - 1];
  const entries = rows === 0 ? 0 : slotEnds[first + rows - 1] - firstSlot;
  const message = newMessage(arena, chunk, entries);
  const { rowsAt, entriesAt, weightsAt, vectorsAt } = message;
  const { words, floats } = message.slab;
  let at = 0;
  for (let i = 0; i < rows; i++) {
    const token = tokens[first + i];
    const before = at;
    for (const end = slotEnds[first + i] - firstSlot; at < end; at++) {
      const slot = slots[firstSlot + at];
      const row = token * topK + slot;
      words[entriesAt + at] = expertIds[row] * 256 + slot;
      floats[weightsAt + at] = weights[row]!;
    }
    words[rowsAt + i] = token * 256 + (at - before);
    if (lanes > 0) copyValues(vectors, token * lanes, floats, vectorsAt + i * lanes, lanes);
  }
  return message;
}

/** @returns a message of the rows `tokens[first]` and on of `vectors`, without routing. */
export function selectedMessage(arena: Arena, tokens: Uint32Array, chunk: Chunk, vectors: Float32Array): TokenMessage {
  const { first, rows, lanes } = chunk;
  const message = newMessage(arena, chunk, NO_ROUTING);
  const { floats } = message.slab;
  for (let i = 0; i < rows; i++) {
    copyValues(vectors, tokens[first + i] * lanes, floats, message.vectorsAt + i * lanes, lanes);
  }
  return message;
}

/** @returns a message of consecutive rows of `vectors`, from row `row` on, without routing. */
export function consecutiveMessage(arena: Arena, row: number, chunk: Chunk, vectors: Float32Array): TokenMessage {
  const { rows, lanes } = chunk;
  const message = newMessage(arena, chunk, NO_ROUTING);
  copyValues(vectors, row * lanes, message.slab.floats, message.vectorsAt, rows * lanes);
  return message;
}

/** (token, slot) pairs by the member that their expert lives on. */
export interface Pairs {
  /** Pairs of member m: from `offsets[m]` to `offsets[m + 1]`. */
  readonly offsets: Uint32Array;
  /** token × topK + slot of each pair, ascending within a rank. */
  readonly slots: Uint32Array;
  /** Token of each pair. */
  readonly tokens: Uint32Array;
}

/** @returns the pairs of all tokens, by rank. */
export function pairsByRank(topology: Topology, { topK, expertIds }: Routed): Pairs {
  const { ranks, memberOfExperts } = topology;
  const offsets = new Uint32Array(ranks + 1);
  for (let row = 0; row < expertIds.length; row++) offsets[memberOfExperts[expertIds[row]] + 1]++;
  for (let member = 0; member < ranks; member++) offsets[member + 1] += offsets[member];
  const next = offsets.slice(0, ranks);
  const slots = new Uint32Array(expertIds.length);
  const tokens = new Uint32Array(expertIds.length);
  for (let slot = 0; slot < expertIds.length; slot++) {
    const at = next[memberOfExperts[expertIds[slot]]]++;
    slots[at] = slot;
    tokens[at] = Math.floor(slot / topK);
  }
  return { offsets, slots, tokens };
}

/** @returns a message of (token, expert) pairs from `firstPair` on: one row and one entry each. */
export function pairMessage(
  arena: Arena,
  routed: Routed,
  pairs: Pairs,
  firstPair: number,
  chunk: Chunk,
  vectors: Float32Array,
): TokenMessage {
  const { topK, expertIds, weights } = routed;
  const { rows, lanes } = chunk;
  const message = newMessage(arena, chunk, rows);
  const { words, floats } = message.slab;
  for (let i = 0; i < rows; i++) {
    const slot = pairs.slots[firstPair + i];
    const token = pairs.tokens[firstPair + i];
    words[message.rowsAt + i] = token * 256 + 1;
    words[message.entriesAt + i] = expertIds[slot] * 256 + (slot - token * topK);
    floats[message.weightsAt + i] = weights[slot]!;
    copyValues(vectors, token * lanes, floats, message.vectorsAt + i * lanes, lanes);
  }
  return message;
}
