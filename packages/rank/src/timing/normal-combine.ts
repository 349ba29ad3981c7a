import { InvariantError, totalOrder } from '@epemu/core';
import type { Operation } from '@epemu/schedule';
import { bytesPerToken, firstByteNs, receivedKey, serveIn, serveOut } from './context.js';
import type { Copied, ReceivedLayout, TimingContext } from './context.js';
import type { Activity } from './event-queue.js';
import { noExtra, sendHeaders, takeHeaders } from './headers.js';
import { SegmentTable, roundRobin } from './segment-table.js';

/** Segments of results for the neighbours: each goes to the one whose index is that of the home rank. */
function contributedSegments(
  context: TimingContext,
  operation: Operation,
  { contributions }: ReceivedLayout,
  startNs: number,
): SegmentTable {
  const { topology, member } = context;
  const bytes = bytesPerToken(context.configuration, operation);
  const order = totalOrder(
    contributions.length,
    contributions.map(({ segment }) => segment),
    // Homes in turn from the own index + 1: were all nodes to begin with the same home, its in-port would hold up all.
    contributions.map(({ home }) => topology.visitOrder(member, home)),
  );
  const byLocal = Array.from({ length: topology.nodeSize }, (): number[] => []);
  for (const index of order) byLocal[topology.localIndexOf(contributions[index].home)].push(index);
  const neighbours = topology.neighbours(member);
  const queues = neighbours.map((peer) => byLocal[topology.localIndexOf(peer)]);
  const segments = new SegmentTable(contributions.length);
  roundRobin(
    queues.map((queue) => queue.length),
    (queue, item) => {
      const { home, segment, tokens } = contributions[queues[queue][item]];
      segments.push(neighbours[queue], member, home, segment, tokens, tokens * bytes, startNs);
    },
  );
  return segments;
}

/** Rows that the rank's kernel copies: its experts' to the nodes' ranks of their homes' indices, sums of those to homes. */
function copiesOf(context: TimingContext, operation: Operation, received: ReceivedLayout): Copied {
  const total = (segments: readonly { tokens: number }[]): number =>
    segments.reduce((sum, { tokens }) => sum + tokens, 0);
  return {
    tokens: context.microBatches[operation.microBatch].tokens,
    toNodes: context.topology.nodes === 1 ? 0 : total(received.forwarded),
    toRanks: total(received.contributions),
  };
}

/** When results for a home that a rank reduces begin to arrive from the last of its neighbours, and are all there. */
interface Reduced {
  readyNs: number;
  arrivedNs: number;
}

/** Results go over NVLink to the GPU of the home rank's index, which reduces what belongs to one token. */
function* firstHop(
  context: TimingContext,
  operation: Operation,
  received: ReceivedLayout,
  copied: Copied,
  startNs: number,
): Activity<{ reduced: Map<string, Reduced>; endNs: number }> {
  const neighbours = context.topology.neighbours(context.member);
  const sent = contributedSegments(context, operation, received, startNs);
  const order = sent.asAppended();
  const sentNs = yield* serveOut(context, operation, 1, sent, order, copied);
  sendHeaders(context, operation, 1, neighbours, sent, order, noExtra);

  const { segments } = yield* takeHeaders(context, operation, 1, neighbours.length, () => 0);
  const receivedNs = yield* serveIn(context, operation, 1, segments, segments.inOrder());
  const reduced = new Map<string, Reduced>();
  for (let i = 0; i < segments.count; i++) {
    const key = `${segments.destination[i]}:${segments.number[i]}`;
    const { readyNs, arrivedNs } = reduced.get(key) ?? { readyNs: startNs, arrivedNs: startNs };
    reduced.set(key, {
      readyNs: Math.max(readyNs, segments.readyNs[i]),
      arrivedNs: Math.max(arrivedNs, segments.arrivedNs[i]),
    });
  }
  return { reduced, endNs: Math.max(startNs, sentNs, receivedNs) };
}

/**
 * Times a normal-mode combine (or the backward of a dispatch) whose kernel starts at `startNs`: the way of the
 * dispatch back, reduced at each hop.
 *
 * @returns when this rank has sent, reduced, forwarded and received all its own.
 * @throws InvariantError when there was no dispatch to go back over.
 */
export function* timeCombine(context: TimingContext, operation: Operation, startNs: number): Activity<number> {
  const { topology, member } = context;
  const received = context.received.get(receivedKey(operation));
  if (received === undefined) {
    throw new InvariantError(`${operation.phase} of layer ${operation.layer} has no dispatch before it`);
  }
  context.received.delete(receivedKey(operation));
  const sendNs = firstByteNs(context, operation, startNs);
  const copied = copiesOf(context, operation, received);
  const { reduced, endNs } = yield* firstHop(context, operation, received, copied, sendNs);
  const peers = topology.columnPeers(member);
  const bytes = bytesPerToken(context.configuration, operation);
  const sent = new SegmentTable(received.forwarded.length);
  for (const { home, segment, tokens } of received.forwarded) {
    if (home === member) continue;
    const { readyNs, arrivedNs } = reduced.get(`${home}:${segment}`) ?? { readyNs: sendNs, arrivedNs: sendNs };
    sent.push(home, member, home, segment, tokens, tokens * bytes, readyNs, arrivedNs);
  }
  const order = sent.outOrder((destination) => topology.visitOrder(member, destination));
  const sentNs = yield* serveOut(context, operation, 2, sent, order, copied);
  sendHeaders(context, operation, 2, peers, sent, order, noExtra);
  const { segments } = yield* takeHeaders(context, operation, 2, peers.length, () => 0);
  const receivedNs = yield* serveIn(context, operation, 2, segments, segments.inOrder());
  return Math.max(endNs, sentNs, receivedNs);
}
