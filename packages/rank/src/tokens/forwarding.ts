import { InvariantError, lowerBound } from '@epemu/core';
import type { Topology } from '../topology.js';
import type { Arena } from './buffers.js';
import { NO_ROUTING, copyValues, wordsOf, writeMessage } from './messages.js';
import type { Chunk, TokenMessage } from './messages.js';

/** Positions, ascending, in a home rank's list for this node; grows with the chunks. */
class PositionList {
  #values = new Uint32Array(0);
  count = 0;

  /** Makes room for `count` more: exact at first, as most lists come in one chunk. */
  reserve(count: number): void {
    const needed = this.count + count;
    if (needed <= this.#values.length) return;
    const larger = new Uint32Array(this.count === 0 ? count : Math.max(needed, this.count * 2));
    larger.set(this.#values.subarray(0, this.count));
    this.#values = larger;
  }

  /** Where positions are written that there is room for; {@link count} tells how many are. */
  get room(): Uint32Array {
    return this.#values;
  }

  get values(): Uint32Array {
    return this.#values.subarray(0, this.count);
  }
}

/** What is kept of one home rank. */
interface HomeRows {
  /** Rows forwarded so far. */
  rows: number;
  /** By index in the node. */
  readonly lists: readonly PositionList[];
}

/**
 * What a forwarder keeps of a dispatch: which rows of each home rank's message each GPU of its node got. A cached
 * dispatch selects by it, a combine reduces by it.
 */
export class ForwardMap {
  readonly #topology: Topology;
  readonly #firstExpert: number;
  /** By expert of the node: the index of the GPU that holds it. */
  readonly #localOfExpert: Uint8Array;
  readonly #homes = new Map<number, HomeRows>();

  /** @param node the forwarder's node. */
  constructor(topology: Topology, node: number) {
    this.#topology = topology;
    this.#firstExpert = (node * topology.experts) / topology.nodes;
    this.#localOfExpert = Uint8Array.from({ length: topology.experts / topology.nodes }, (_, expert) =>
      Math.floor(expert / topology.expertsPerRank),
    );
  }

  /** @returns how many rows of a home rank were forwarded. */
  rows(home: number): number {
    return this.#homes.get(home)?.rows ?? 0;
  }

  /** @returns positions, ascending, that the GPU of this index in the node got of a home rank's rows. */
  positions(home: number, localIndex: number): Uint32Array {
    return this.#home(home).lists[localIndex].values;
  }

  #home(home: number): HomeRows {
    let rows = this.#homes.get(home);
    if (rows === undefined) {
      rows = { rows: 0, lists: Array.from({ length: this.#topology.nodeSize }, () => new PositionList()) };
      this.#homes.set(home, rows);
    }
    return rows;
  }

  /**
   * Splits a message with routing by GPU of the node; each token at most once a GPU.
   * @returns a message for each GPU, by index in the node, in memory of the arena.
   * @throws InvariantError when the rows are not the next ones of their home rank, or go to another node.
   */
  split(message: TokenMessage, arena: Arena): TokenMessage[] {
    const { nodeSize } = this.#topology;
    const home = this.#home(message.home);
    if (message.first !== home.rows) {
      throw new InvariantError(`rows ${message.first} of rank ${message.home} came where row ${home.rows} was due`);
    }
    home.rows += message.rows;
    const counts = this.#count(message);
    const parts = reserveParts(
      arena,
      home.lists.map((list, local) => ({
        home: message.home,
        first: list.count,
        rows: counts.rows[local],
        last: message.last,
        lanes: message.lanes,
      })),
      counts.entries,
    );
    for (let local = 0; local < nodeSize; local++) home.lists[local].reserve(counts.rows[local]);
    this.#distribute(message, parts, home.lists);
    return parts;
  }

  /** Counts rows and entries by GPU of the node. */
  #count(message: TokenMessage): { rows: Uint32Array; entries: Uint32Array } {
    const { nodeSize } = this.#topology;
    const localOfExpert = this.#localOfExpert;
    const firstExpert = this.#firstExpert;
    const { rowsAt, weightsAt, rows: rowCount } = message;
    const { words } = message.slab;
    const rows = new Uint32Array(nodeSize);
    const entries = new Uint32Array(nodeSize);
    const lastRow = new Int32Array(nodeSize).fill(-1);
    let at = message.entriesAt;
    for (let row = 0; row < rowCount; row++) {
      const end = Math.min(weightsAt, at + (words[rowsAt + row] & 0xff));
      for (; at < end; at++) {
        const expert = (words[at] >>> 8) - firstExpert;
        if (expert < 0 || expert >= localOfExpert.length) {
          throw new InvariantError(
            `a token of rank ${message.home} came for expert ${words[at] >>> 8}, which lives elsewhere`,
          );
        }
        const local = localOfExpert[expert];
        entries[local]++;
        if (lastRow[local] === row) continue;
        lastRow[local] = row;
        rows[local]++;
      }
    }
    if (at !== weightsAt) {
      throw new InvariantError(`rows of rank ${message.home} came with other experts than they claim`);
    }
    return { rows, entries };
  }

  /** Writes each row to the GPUs that need it, with their entries, in one pass over the message. */
  #distribute(message: TokenMessage, parts: readonly TokenMessage[], lists: readonly PositionList[]): void {
    const { nodeSize } = this.#topology;
    const localOfExpert = this.#localOfExpert;
    const firstExpert = this.#firstExpert;
    const { lanes, rowsAt, vectorsAt, first, rows, entries } = message;
    const { words, floats } = message.slab;
    // The parts lie in one slab: no look-up of it for every value.
    const { words: toWords, floats: toFloats } = parts[0].slab;
    const lastRow = new Int32Array(nodeSize).fill(-1);
    const rowCursor = Int32Array.from(parts, (part) => part.rowsAt - 1);
    const entryCursor = Int32Array.from(parts, (part) => part.entriesAt);
    const toWeight = Int32Array.from(parts, (part) => part.entries);
    const vectorCursor = Int32Array.from(parts, (part) => part.vectorsAt);
    const positions = lists.map((list) => list.room);
    const positionCursor = Int32Array.from(lists, (list) => list.count);
    let at = message.entriesAt;
    for (let row = 0; row < rows; row++) {
      const rowWord = words[rowsAt + row];
      for (const end = at + (rowWord & 0xff); at < end; at++) {
        const packed = words[at];
        const local = localOfExpert[(packed >>> 8) - firstExpert];
        if (lastRow[local] !== row) {
          lastRow[local] = row;
          toWords[++rowCursor[local]] = rowWord & ~0xff;
          positions[local][positionCursor[local]++] = first + row;
          if (lanes > 0) {
            copyValues(floats, vectorsAt + row * lanes, toFloats, vectorCursor[local], lanes);
            vectorCursor[local] += lanes;
          }
        }
        toWords[rowCursor[local]]++;
        const entryAt = entryCursor[local]++;
        toWords[entryAt] = packed;
        toFloats[entryAt + toWeight[local]] = floats[at + entries]!;
      }
    }
    lists.forEach((list, local) => (list.count = positionCursor[local]));
  }

  /**
   * Splits a message without routing, by the layout kept.
   * @returns a message for each GPU, by index in the node, in memory of the arena.
   * @throws InvariantError when more rows came than the layout has.
   */
  splitCached(message: TokenMessage, arena: Arena): TokenMessage[] {
    const { home, first, last, lanes } = message;
    const end = first + message.rows;
    const due = this.rows(home);
    if (end > due || (last && end !== due)) {
      throw new InvariantError(`rows up to ${end} of rank ${home} came where ${due} were due`);
    }
    const positions = this.#home(home).lists.map((list) => list.values);
    const from = positions.map((values) => lowerBound(values, first));
    const parts = reserveParts(
      arena,
      positions.map((values, local) => {
        const rows = lowerBound(values, end) - from[local];
        return { home, first: from[local], rows, last, lanes };
      }),
      new Uint32Array(positions.length).fill(NO_ROUTING),
    );
    parts.forEach((part, local) => {
      const values = positions[local];
      for (let i = 0; i < part.rows; i++) {
        const source = message.vectorsAt + (values[part.first + i] - first) * lanes;
        copyValues(message.slab.floats, source, part.slab.floats, part.vectorsAt + i * lanes, lanes);
      }
    });
    return parts;
  }
}

/** @returns messages of the given chunks and numbers of entries, one behind the other in one slab. */
function reserveParts(arena: Arena, chunks: readonly Chunk[], entries: Uint32Array): TokenMessage[] {
  let at = arena.reserve(chunks.reduce((sum, chunk, i) => sum + wordsOf(chunk, entries[i]), 0));
  return chunks.map((chunk, i) => {
    const part = writeMessage(arena.slab, at, chunk, entries[i]);
    at = part.endAt;
    return part;
  });
}
