import type { Operation } from '@epemu/schedule';
import { segmentCount, segmentLength } from '../layout.js';
import type { SendLayout } from '../layout.js';
import { bytesPerToken, firstByteNs, receivedKey, serveIn, serveOut } from './context.js';
import type { Copied, ReceivedLayout, TimingContext } from './context.js';
import type { Activity } from './event-queue.js';
import { extraOffset, sendHeaders, takeHeaders } from './headers.js';
import { SegmentTable, roundRobin } from './segment-table.js';

/** A segment that this rank forwards, with the tokens each GPU of the node needs of it. */
interface Forward {
  readonly home: number;
  readonly segment: number;
  readonly tokens: number;
  /** When it begins to arrive, and when all of it is there. */
  readonly readyNs: number;
  readonly arrivedNs: number;
  /** By index in the node, from `fanOutAt` on. */
  readonly fanOut: ArrayLike<number>;
  readonly fanOutAt: number;
}

function ownForwards(context: TimingContext, layout: SendLayout, startNs: number): Forward[] {
  const { topology, member } = context;
  const { tokens, fanOut } = layout.nodes[topology.nodeOf(member)];
  const { segmentTokens } = layout;
  return Array.from({ length: segmentCount(tokens.length, segmentTokens) }, (_, segment) => ({
    home: member,
    segment,
    tokens: segmentLength(tokens.length, segment, segmentTokens),
    readyNs: startNs,
    arrivedNs: startNs,
    fanOut,
    fanOutAt: segment * topology.nodeSize,
  }));
}

/** Rows for each expert of a node, as this rank's router decided. */
function nodeRows(context: TimingContext, layout: SendLayout, node: number): Uint32Array {
  const perNode = context.topology.experts / context.topology.nodes;
  return layout.rowsOfExpert.subarray(node * perNode, (node + 1) * perNode);
}

/** Rows to ranks of a node in a list of fan-outs. */
function sum(values: ArrayLike<number>, from: number, to: number): number {
  let total = 0;
  for (let i = from; i < to; i++) total += values[i];
  return total;
}

/** Rows that the rank's own tokens are copied to: to nodes, and there to ranks. */
function ownCopies({ topology }: TimingContext, { tokens, nodes }: SendLayout): Copied {
  const toRanks = nodes.reduce((total, { fanOut }) => total + sum(fanOut, 0, fanOut.length), 0);
  const toNodes = topology.nodes === 1 ? 0 : nodes.reduce((total, node) => total + node.tokens.length, 0);
  return { tokens, toNodes, toRanks };
}

/** The same, with what the rank forwards in the place of what others forward of its own. */
function forwardedCopies(context: TimingContext, layout: SendLayout, forwards: readonly Forward[]): Copied {
  const { nodeSize } = context.topology;
  const toRanks = forwards.reduce(
    (total, { fanOut, fanOutAt }) => total + sum(fanOut, fanOutAt, fanOutAt + nodeSize),
    0,
  );
  return { ...ownCopies(context, layout), toRanks };
}

function* firstHop(
  context: TimingContext,
  operation: Operation,
  layout: SendLayout,
  startNs: number,
): Activity<{ forwards: Forward[]; rows: Float64Array; endNs: number }> {
  const { topology, member } = context;
  const size = topology.nodeSize;
  const peers = topology.columnPeers(member);
  const bytes = bytesPerToken(context.configuration, operation);
  const totals = peers.map((peer) => layout.nodes[topology.nodeOf(peer)].tokens.length);
  const { segmentTokens } = layout;
  const counts = totals.map((total) => segmentCount(total, segmentTokens));
  const sent = new SegmentTable(counts.reduce((sum, count) => sum + count, 0));
  roundRobin(counts, (queue, number) => {
    const tokens = segmentLength(totals[queue], number, segmentTokens);
    sent.push(peers[queue], member, peers[queue], number, tokens, tokens * bytes, startNs);
  });
  const order = sent.asAppended();
  const sentNs = yield* serveOut(context, operation, 1, sent, order, ownCopies(context, layout));
  sendHeaders(context, operation, 1, peers, sent, order, (peer, integers) => {
    const node = topology.nodeOf(peer);
    integers.push(...layout.nodes[node].fanOut, ...nodeRows(context, layout, node));
  });

  const rowCount = topology.experts / topology.nodes;
  const received = yield* takeHeaders(context, operation, 1, peers.length, (segments) => segments * size + rowCount);
  const { headers, segments, offsets } = received;
  const receivedNs = yield* serveIn(context, operation, 1, segments, segments.inOrder());
  const rows = Float64Array.from(nodeRows(context, layout, topology.nodeOf(member)));
  const forwards = ownForwards(context, layout, startNs);
  headers.forEach((header, h) => {
    const { integers } = header;
    let extraAt = extraOffset(header);
    for (let i = offsets[h]; i < offsets[h + 1]; i++, extraAt += size) {
      forwards.push({
        home: segments.origin[i],
        segment: segments.number[i],
        tokens: segments.tokens[i],
        readyNs: Math.max(segments.readyNs[i], startNs),
        arrivedNs: segments.arrivedNs[i],
        fanOut: integers,
        fanOutAt: extraAt,
      });
    }
    for (let i = 0; i < rowCount; i++) rows[i] += integers[extraAt + i];
  });
  return { forwards, rows, endNs: Math.max(startNs, sentNs, receivedNs) };
}

/** Segments for the neighbours: what each needs of what this rank forwards. */
function forwardedSegments(context: TimingContext, operation: Operation, forwards: readonly Forward[]): SegmentTable {
  const { topology, member } = context;
  const neighbours = topology.neighbours(member);
  const bytes = bytesPerToken(context.configuration, operation);
  const segments = new SegmentTable(forwards.length * neighbours.length);
  for (const { home, segment, readyNs, arrivedNs, fanOut, fanOutAt } of forwards) {
    for (const peer of neighbours) {
      const tokens = fanOut[fanOutAt + topology.localIndexOf(peer)];
      if (tokens > 0) segments.push(peer, home, peer, segment, tokens, tokens * bytes, readyNs, arrivedNs);
    }
  }
  return segments;
}

/**
 * Times a normal-mode dispatch (or the backward of a combine) whose kernel starts at `startNs`: RDMA to the GPU of the
 * same index on each node, then NVLink to the ranks that need the token.
 *
 * @returns when this rank has sent, forwarded and received all its own.
 */
export function* timeDispatch(
  context: TimingContext,
  operation: Operation,
  layout: SendLayout,
  startNs: number,
): Activity<number> {
  const { topology, member } = context;
  const sendNs = firstByteNs(context, operation, startNs);
  const { forwards, rows, endNs } = yield* firstHop(context, operation, layout, sendNs);
  const neighbours = topology.neighbours(member);
  const own = topology.localIndexOf(member);
  const sent = forwardedSegments(context, operation, forwards);
  const order = sent.outOrder((destination) => topology.visitOrder(member, destination));
  const sentNs = yield* serveOut(context, operation, 2, sent, order, forwardedCopies(context, layout, forwards));
  const perRank = topology.expertsPerRank;
  sendHeaders(context, operation, 2, neighbours, sent, order, (peer, integers) => {
    const first = topology.localIndexOf(peer) * perRank;
    for (let i = first; i < first + perRank; i++) integers.push(rows[i]);
  });

  const { headers, segments } = yield* takeHeaders(context, operation, 2, neighbours.length, () => perRank);
  const receivedNs = yield* serveIn(context, operation, 2, segments, segments.inOrder());

  const received: ReceivedLayout = {
    rowsOfHome: undefined,
    contributions: [],
    forwarded: forwards.map(({ home, segment, tokens }) => ({ home, segment, tokens })),
    expertRows: rows.slice(own * perRank, (own + 1) * perRank),
    receivedTokens: 0,
  };
  const { contributions } = received;
  for (const { home, segment, fanOut, fanOutAt } of forwards) {
    const tokens = fanOut[fanOutAt + own];
    if (tokens > 0) contributions.push({ home, segment, tokens });
  }
  for (let i = 0; i < segments.count; i++) {
    contributions.push({ home: segments.origin[i], segment: segments.number[i], tokens: segments.tokens[i] });
  }
  for (const header of headers) {
    const extraAt = extraOffset(header);
    for (let i = 0; i < perRank; i++) received.expertRows[i] += header.integers[extraAt + i];
  }
  received.receivedTokens = contributions.reduce((sum, { tokens }) => sum + tokens, 0);
  context.received.set(receivedKey(operation), received);
  return Math.max(endNs, sentNs, receivedNs);
}
