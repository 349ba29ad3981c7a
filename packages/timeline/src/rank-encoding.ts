import { InvariantError } from '@epemu/core';
import type { NumberRoom } from '@epemu/core';
import { decodeColumns, encodeColumns, joinParts, splitParts } from './binary.js';
import { EVENT_COLUMNS, RECEIPT_COLUMNS, SERVICE_COLUMNS, TRANSFER_COLUMNS } from './rank-timeline.js';
import type { RankTimeline } from './rank-timeline.js';
import { COPY_COLUMNS, DURATION_COLUMNS, EXPERT_HASH_COLUMNS, SEGMENT_COLUMNS } from './rank-record.js';
import type { RankRecord } from './rank-record.js';

function numberBytes(value: number): Uint8Array {
  return new Uint8Array(Uint32Array.of(value).buffer);
}

function numberFrom(bytes: Uint8Array): number {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint32(0, true);
}

function partsOf(bytes: Uint8Array, count: number): Uint8Array[] {
  const parts = splitParts(bytes);
  if (parts.length !== count) throw new InvariantError(`a rank's record has ${parts.length} parts instead of ${count}`);
  return parts;
}

/** Stores a timeline, see {@link decodeTimeline}. */
export function encodeTimeline(timeline: RankTimeline): Uint8Array {
  const { rank, events, services, transfers, receipts } = timeline;
  return joinParts([
    numberBytes(rank),
    ...[encodeColumns(events), encodeColumns(services), encodeColumns(transfers), encodeColumns(receipts)],
  ]);
}

/**
 * @param room where the numbers go, see {@link decodeColumns}.
 * @throws InvariantError when the bytes are not a timeline.
 */
export function decodeTimeline(bytes: Uint8Array, room?: NumberRoom): RankTimeline {
  const parts = partsOf(bytes, 5);
  return {
    rank: numberFrom(parts[0]),
    events: decodeColumns(parts[1], EVENT_COLUMNS, room),
    services: decodeColumns(parts[2], SERVICE_COLUMNS, room),
    transfers: decodeColumns(parts[3], TRANSFER_COLUMNS, room),
    receipts: decodeColumns(parts[4], RECEIPT_COLUMNS, room),
  };
}

/** Stores a record of operations, see {@link decodeRecord}. */
export function encodeRecord(record: RankRecord): Uint8Array {
  const { rank, durations, segments, copies, expertHashes } = record;
  return joinParts([
    numberBytes(rank),
    ...[encodeColumns(durations), encodeColumns(segments), encodeColumns(copies), encodeColumns(expertHashes)],
  ]);
}

/** @throws InvariantError when the bytes are not a record of operations. */
export function decodeRecord(bytes: Uint8Array): RankRecord {
  const parts = partsOf(bytes, 5);
  return {
    rank: numberFrom(parts[0]),
    durations: decodeColumns(parts[1], DURATION_COLUMNS),
    segments: decodeColumns(parts[2], SEGMENT_COLUMNS),
    copies: decodeColumns(parts[3], COPY_COLUMNS),
    expertHashes: decodeColumns(parts[4], EXPERT_HASH_COLUMNS),
  };
}

/** @returns of a record of operations the hashes alone. @throws InvariantError when the bytes are not such a record. */
export function decodeExpertHashes(bytes: Uint8Array): RankRecord['expertHashes'] {
  return decodeColumns(partsOf(bytes, 5)[4], EXPERT_HASH_COLUMNS);
}
