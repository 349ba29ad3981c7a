import { createHash } from 'node:crypto';
import { InvariantError } from '@epemu/core';
import type { BufferPool, Slab } from './buffers.js';
import type { HomeInbox } from './inbox.js';
import { assertLanes } from './inbox.js';
import { copyValues } from './messages.js';

/** The rows a rank's experts got in one dispatch, ordered by home rank, then token: never by arrival. */
export interface ReceivedTokens {
  readonly rows: number;
  /** First row of each home rank; [ranks + 1]. */
  readonly homeOffsets: Uint32Array;
  /** Vectors [rows × hidden]; empty without payload. */
  readonly vectors: Float32Array;
  /** (row, slot) pairs grouped by this rank's experts: offsets [experts + 1], row, slot and router weight of each. */
  readonly expertOffsets: Uint32Array;
  readonly rowOfEntry: Uint32Array;
  readonly slotOfEntry: Uint8Array;
  readonly weightOfEntry: Float32Array;
  /** SHA-256 of each expert's (source rank, token, slot) list, as eight words. */
  readonly expertHashes: readonly Uint32Array[];
}

/** Gives the memory of received tokens back. */
export function releaseReceived(buffers: BufferPool, received: ReceivedTokens): void {
  const { vectors, expertOffsets, rowOfEntry, slotOfEntry, weightOfEntry } = received;
  buffers.release(vectors, expertOffsets, rowOfEntry, slotOfEntry, weightOfEntry);
}

/**
 * @param homeOffsets first row of each home rank, [ranks + 1].
 * @returns vectors of all homes in shared memory, [rows × lanes], ordered by home.
 * @throws InvariantError when a home sent another number of rows, or rows of another width.
 */
export function gatherVectors(
  inbox: HomeInbox,
  homeOffsets: Uint32Array,
  lanes: number,
  buffers: BufferPool,
): Float32Array {
  const vectors = buffers.float32(homeOffsets[inbox.senders] * lanes);
  for (let home = 0; home < inbox.senders; home++) {
    const first = homeOffsets[home];
    const due = homeOffsets[home + 1] - first;
    if (inbox.rows(home) !== due) {
      throw new InvariantError(`${inbox.rows(home)} rows of rank ${home} came where ${due} were due`);
    }
    assertLanes(inbox.head(home), lanes);
    for (let message = inbox.head(home); message !== undefined; message = message.next) {
      const to = (first + message.first) * lanes;
      copyValues(message.slab.floats, message.vectorsAt, vectors, to, message.rows * lanes);
    }
  }
  return vectors;
}

/** Counts rows by home and entries by expert; turns the latter into offsets. @returns the offsets of the homes. */
function countReceived(inbox: HomeInbox, firstExpert: number, expertOffsets: Uint32Array): Uint32Array {
  const experts = expertOffsets.length - 1;
  const homeOffsets = new Uint32Array(inbox.senders + 1);
  expertOffsets.fill(0);
  for (let home = 0; home < inbox.senders; home++) {
    homeOffsets[home + 1] = homeOffsets[home] + inbox.rows(home);
    for (let message = inbox.head(home); message !== undefined; message = message.next) {
      const { words } = message.slab;
      if (!message.routed && message.rows > 0) throw new InvariantError(`tokens of rank ${home} came without experts`);
      for (let at = message.entriesAt; at < message.weightsAt; at++) {
        const expert = (words[at] >>> 8) - firstExpert;
        if (expert < 0 || expert >= experts) {
          throw new InvariantError(`a token of rank ${home} came for expert ${words[at] >>> 8}, which lives elsewhere`);
        }
        expertOffsets[expert + 1]++;
      }
    }
  }
  for (let expert = 0; expert < experts; expert++) expertOffsets[expert + 1] += expertOffsets[expert];
  return homeOffsets;
}

/** SHA-256 of each expert's part of the identities, three words an entry. */
function hashExperts(identities: Slab, expertOffsets: Uint32Array): Uint32Array[] {
  return Array.from({ length: expertOffsets.length - 1 }, (_, expert) => {
    const list = identities.bytes.subarray(expertOffsets[expert] * 12, expertOffsets[expert + 1] * 12);
    const hash = createHash('sha256').update(list).digest();
    return Uint32Array.from({ length: 8 }, (_unused, word) => hash.readUInt32LE(word * 4));
  });
}

/**
 * Orders what came in a dispatch and groups it by expert.
 * @param inbox complete, one sender a home rank.
 * @param experts the member's first expert, and how many it has.
 * @throws InvariantError when a row came for an expert of another rank, or does not have the entries it claims.
 */
export function arrangeReceived(
  inbox: HomeInbox,
  { first: firstExpert, count: expertCount }: { readonly first: number; readonly count: number },
  lanes: number,
  buffers: BufferPool,
): ReceivedTokens {
  const expertOffsets = buffers.uint32(expertCount + 1);
  const homeOffsets = countReceived(inbox, firstExpert, expertOffsets);
  const entries = expertOffsets[expertCount];
  const next = expertOffsets.slice(0, expertCount);
  const rowOfEntry = buffers.uint32(entries);
  const slotOfEntry = buffers.uint8(entries);
  const weightOfEntry = buffers.float32(entries);
  const identities = buffers.slab(entries * 12);
  const { words: identityWords } = identities;
  let row = 0;
  for (let home = 0; home < inbox.senders; home++) {
    for (let message = inbox.head(home); message !== undefined; message = message.next) {
      const { words, floats } = message.slab;
      const { rowsAt, entriesAt, weightsAt, entries: count } = message;
      let entry = 0;
      for (let i = 0; i < message.rows; i++, row++) {
        const rowWord = words[rowsAt + i];
        const end = Math.min(count, entry + (rowWord & 0xff));
        for (; entry < end; entry++) {
          const packed = words[entriesAt + entry];
          const slot = packed & 0xff;
          const at = next[(packed >>> 8) - firstExpert]++;
          rowOfEntry[at] = row;
          slotOfEntry[at] = slot;
          weightOfEntry[at] = floats[weightsAt + entry]!;
          identityWords[at * 3] = home;
          identityWords[at * 3 + 1] = rowWord >>> 8;
          identityWords[at * 3 + 2] = slot;
        }
      }
      if (entry !== count) {
        throw new InvariantError(`rows of rank ${home} came with ${count} experts where ${entry} were due`);
      }
    }
  }
  const expertHashes = hashExperts(identities, expertOffsets);
  buffers.releaseSlab(identities);
  const vectors = gatherVectors(inbox, homeOffsets, lanes, buffers);
  return { rows: row, homeOffsets, vectors, expertOffsets, rowOfEntry, slotOfEntry, weightOfEntry, expertHashes };
}
