import { InvariantError } from '@epemu/core';
import type { Header } from '@epemu/fabric';
import { movementIdOf } from '@epemu/schedule';
import type { Operation } from '@epemu/schedule';
import { rankOfPeer } from './context.js';
import type { TimingContext } from './context.js';
import type { Activity } from './event-queue.js';
import { SegmentTable } from './segment-table.js';

/** Integers of a segment in a header: origin, destination, number, tokens, bytes, first-byte ns, last-byte ns. */
const SEGMENT_INTEGERS = 7;

/** Appends nothing behind the segments of a header. */
export function noExtra(): void {
  // Nothing stands there.
}

/**
 * Sends every peer of a hop one header, possibly without segments.
 * @param order indices of the segments as they were served.
 * @param appendExtra appends what stands behind the segments.
 */
export function sendHeaders(
  context: TimingContext,
  operation: Operation,
  hop: number,
  peers: readonly number[],
  segments: SegmentTable,
  order: Uint32Array,
  appendExtra: (peer: number, integers: number[]) => void,
): void {
  const byPeer = new Map(peers.map((peer) => [peer, [0]]));
  for (const i of order) {
    const integers = byPeer.get(segments.peer[i])!;
    integers[0]++;
    integers.push(
      segments.origin[i],
      segments.destination[i],
      segments.number[i],
      segments.tokens[i],
      segments.bytes[i],
      segments.firstByteNs[i],
      segments.lastByteNs[i],
    );
  }
  const { stream } = operation;
  const movement = movementIdOf(operation);
  for (const [peer, integers] of byPeer) {
    appendExtra(peer, integers);
    const to = rankOfPeer(context, operation, peer);
    context.endpoint.sendHeader({ to, movement, hop, stream, integers });
  }
}

/** The segments of a hop's headers, header by header. */
export interface ReceivedHeaders {
  /** Ascending by sender; `from` is its rank. */
  readonly headers: readonly Header[];
  readonly segments: SegmentTable;
  /** Segments of header h: from `offsets[h]` to `offsets[h + 1]`. */
  readonly offsets: Uint32Array;
}

/** @returns where the integers behind a header's segments begin. */
export function extraOffset({ integers }: Header): number {
  return 1 + integers[0] * SEGMENT_INTEGERS;
}

/**
 * Waits for the headers of a hop, one of each peer, and takes them apart.
 * @param extraCount how many integers must stand behind the segments.
 * @throws InvariantError when a header does not have the shape that the operation fixes.
 */
export function* takeHeaders(
  context: TimingContext,
  operation: Operation,
  hop: number,
  peers: number,
  extraCount: (segments: number) => number,
): Activity<ReceivedHeaders> {
  const headers = yield* context.mailbox.take(movementIdOf(operation), hop, peers).value();
  const offsets = new Uint32Array(headers.length + 1);
  headers.forEach((header, h) => {
    const { integers, from } = header;
    const count = integers[0] ?? -1;
    if (count < 0 || integers.length !== 1 + count * SEGMENT_INTEGERS + extraCount(count)) {
      throw new InvariantError(
        `the header of operation ${operation.id}, hop ${hop} from rank ${from} has ${integers.length} integers ` +
          `for ${count} segments`,
      );
    }
    offsets[h + 1] = offsets[h] + count;
  });
  const segments = new SegmentTable(offsets[headers.length]);
  for (const { integers, from: rank } of headers) {
    const from = operation.peerRole === undefined ? context.topology.memberOf(rank) : rank;
    const end = 1 + integers[0] * SEGMENT_INTEGERS;
    for (let i = 1; i < end; i += SEGMENT_INTEGERS) {
      const at = segments.count;
      segments.push(from, integers[i], integers[i + 1], integers[i + 2], integers[i + 3], integers[i + 4], 0);
      segments.firstByteNs[at] = integers[i + 5]!;
      segments.lastByteNs[at] = integers[i + 6]!;
    }
  }
  return { headers, segments, offsets };
}
