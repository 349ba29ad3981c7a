import { InvariantError } from '@epemu/core';
import type { Arena, Slab } from './buffers.js';
import { slabOver } from './buffers.js';

/** Consecutive rows of the list that one rank sends to one destination. */
export interface Chunk {
  /** Rank whose tokens these are. */
  readonly home: number;
  /** Index of the first row in the whole list. */
  readonly first: number;
  readonly rows: number;
  /** Whether no more rows follow. */
  readonly last: boolean;
  /** Values a row. */
  readonly lanes: number;
}

const HEADER_WORDS = 6;
/** In place of the number of (row, expert) pairs: no routing travels. */
export const NO_ROUTING = 0xffff_ffff;
/** A token index shares its word with the row's number of entries. */
export const TOKEN_LIMIT = 1 << 24;

/**
 * A message of token rows: who they belong to, which experts they go to, and their vectors. It is a window of a slab,
 * little-endian 32-bit words: home rank, index of the first row in the whole list, rows, 1 if last, entries, lanes;
 * then rows as token × 256 + number of entries [rows], entries as expert × 256 + slot [entries], router weights
 * [entries], vectors [rows × lanes]. Combine and cached messages have neither rows nor entries: the layout is known.
 */
export class TokenMessage {
  readonly slab: Slab;
  readonly home: number;
  readonly first: number;
  readonly rows: number;
  readonly last: boolean;
  readonly routed: boolean;
  readonly entries: number;
  readonly lanes: number;
  /** Word offsets in the slab: of the message, its rows, entries, weights and vectors, and of what is behind it. */
  readonly at: number;
  readonly rowsAt: number;
  readonly entriesAt: number;
  readonly weightsAt: number;
  readonly vectorsAt: number;
  readonly endAt: number;
  /** The message with the next rows of the same list, once it came. */
  next: TokenMessage | undefined = undefined;

  /** @param entries (row, expert) pairs, or {@link NO_ROUTING}. */
  constructor(slab: Slab, at: number, { home, first, rows, last, lanes }: Chunk, entries: number) {
    this.slab = slab;
    this.home = home;
    this.first = first;
    this.rows = rows;
    this.last = last;
    this.routed = entries !== NO_ROUTING;
    this.entries = this.routed ? entries : 0;
    this.lanes = lanes;
    this.at = at;
    this.rowsAt = at + HEADER_WORDS;
    this.entriesAt = this.rowsAt + (this.routed ? rows : 0);
    this.weightsAt = this.entriesAt + this.entries;
    this.vectorsAt = this.weightsAt + this.entries;
    this.endAt = this.vectorsAt + rows * lanes;
  }

  /** The message as the fabric takes it: a view. */
  get bytes(): Uint8Array {
    return this.slab.bytes.subarray(this.at * 4, this.endAt * 4);
  }
}

/** @returns how many words a message takes. */
export function wordsOf({ rows, lanes }: Chunk, entries: number): number {
  return HEADER_WORDS + (entries === NO_ROUTING ? 0 : rows + 2 * entries) + rows * lanes;
}

/** Writes the header of a message at word `at` of a slab. @returns the message, its contents to be filled in. */
export function writeMessage(slab: Slab, at: number, chunk: Chunk, entries: number): TokenMessage {
  const { words } = slab;
  words[at] = chunk.home;
  words[at + 1] = chunk.first;
  words[at + 2] = chunk.rows;
  words[at + 3] = chunk.last ? 1 : 0;
  words[at + 4] = entries;
  words[at + 5] = chunk.lanes;
  return new TokenMessage(slab, at, chunk, entries);
}

/**
 * @param entries (row, expert) pairs, or {@link NO_ROUTING}.
 * @returns a message in memory of the arena, its contents to be filled in.
 */
export function newMessage(arena: Arena, chunk: Chunk, entries: number): TokenMessage {
  const at = arena.reserve(wordsOf(chunk, entries));
  return writeMessage(arena.slab, at, chunk, entries);
}

/**
 * Reads the message of `byteLength` bytes at word `at` of a slab.
 * @throws InvariantError when its length does not follow from its header.
 */
export function readMessage(slab: Slab, at: number, byteLength: number): TokenMessage {
  if (byteLength < HEADER_WORDS * 4) throw new InvariantError('a token message is shorter than its header');
  const { words } = slab;
  const chunk: Chunk = {
    home: words[at],
    first: words[at + 1],
    rows: words[at + 2],
    last: words[at + 3] === 1,
    lanes: words[at + 5],
  };
  const message = new TokenMessage(slab, at, chunk, words[at + 4]);
  if ((message.endAt - at) * 4 !== byteLength) {
    throw new InvariantError(
      `a token message of ${byteLength} bytes claims ${message.rows} rows, ${message.entries} entries and ` +
        `${message.lanes} lanes`,
    );
  }
  return message;
}

/** @returns the home rank that a message names, or would if it were long enough. */
export function homeOf(bytes: Uint8Array): number {
  return (bytes[0] | (bytes[1] << 8) | (bytes[2] << 16) | (bytes[3] << 24)) >>> 0;
}

/**
 * Copies a message into an arena: its own bytes may be overwritten afterwards.
 * @throws InvariantError when its length does not follow from its header.
 */
export function copyMessage(arena: Arena, bytes: Uint8Array): TokenMessage {
  const at = arena.reserve(Math.ceil(bytes.byteLength / 4));
  arena.slab.bytes.set(bytes, at * 4);
  return readMessage(arena.slab, at, bytes.byteLength);
}

/**
 * Reads a message where it lies (or in an aligned copy of it).
 * @throws InvariantError when its length does not follow from its header.
 */
export function messageOver(bytes: Uint8Array): TokenMessage {
  const { buffer, byteOffset, byteLength } = bytes;
  if (byteOffset % 4 !== 0 || byteLength % 4 !== 0 || !(buffer instanceof ArrayBuffer)) {
    const padded = new Uint8Array(Math.ceil(byteLength / 4) * 4);
    padded.set(bytes);
    return readMessage(slabOver(padded.buffer, 0, padded.byteLength), 0, byteLength);
  }
  return readMessage(slabOver(buffer, byteOffset, byteLength), 0, byteLength);
}

/** From so many values on, making two views costs less than copying one by one. */
const LOOP_LIMIT = 128;

/** Copies `count` values from one place to another. */
export function copyValues(from: Float32Array, fromAt: number, to: Float32Array, toAt: number, count: number): void {
  if (count > LOOP_LIMIT) {
    to.set(from.subarray(fromAt, fromAt + count), toAt);
    return;
  }
  for (let i = 0; i < count; i++) to[toAt + i] = from[fromAt + i]!;
}
