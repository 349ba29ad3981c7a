import { rolesOf } from '@epemu/config';
import { InvariantError } from '@epemu/core';
import { splitsByNode } from '@epemu/schedule';
import type { Operation } from '@epemu/schedule';
import { segmentCount, segmentLength } from '../layout.js';
import { bytesPerToken, firstByteNs, receivedKey, serveIn, serveOut } from './context.js';
import type { Copied, ReceivedLayout, TimingContext } from './context.js';
import type { Activity } from './event-queue.js';
import { extraOffset, noExtra, sendHeaders, takeHeaders } from './headers.js';
import type { ReceivedHeaders } from './headers.js';
import { SegmentTable, roundRobin } from './segment-table.js';

/** What a rank exchanges with its peers in one hop. */
interface Plan {
  readonly hop: number;
  readonly sendTo: readonly number[];
  readonly receiveFrom: number;
  readonly readyNs: number;
  /** What the rank's kernel copies; undefined where none does. */
  readonly copied?: Copied;
  /** Rows for a peer. */
  rows(peer: number): number;
  /** Integers behind the segments of each header. */
  readonly extraCount: number;
  appendExtra(peer: number, integers: number[]): void;
}

/** Exchanges rows with the peers of a hop. @returns the headers, and when the last needed byte is there. */
function* exchange(
  context: TimingContext,
  operation: Operation,
  plan: Plan,
): Activity<{ received: ReceivedHeaders; sentNs: number; receivedNs: number }> {
  const { hop, sendTo, readyNs } = plan;
  const bytes = bytesPerToken(context.configuration, operation);
  const rows = sendTo.map((peer) => plan.rows(peer));
  const counts = rows.map((count) => segmentCount(count));
  const sent = new SegmentTable(counts.reduce((sum, count) => sum + count, 0));
  roundRobin(counts, (queue, number) => {
    const peer = sendTo[queue];
    const tokens = segmentLength(rows[queue], number);
    sent.push(peer, context.member, peer, number, tokens, tokens * bytes, readyNs);
  });
  const order = sent.asAppended();
  const sentNs = yield* serveOut(context, operation, hop, sent, order, plan.copied);
  sendHeaders(context, operation, hop, sendTo, sent, order, (peer, integers) => {
    plan.appendExtra(peer, integers);
  });
  const received = yield* takeHeaders(context, operation, hop, plan.receiveFrom, () => plan.extraCount);
  const receivedNs = yield* serveIn(context, operation, hop, received.segments, received.segments.inOrder());
  return { received, sentNs, receivedNs };
}

function total(rows: ArrayLike<number>, from: number, to: number): number {
  let sum = 0;
  for (let i = from; i < to; i++) sum += rows[i];
  return sum;
}

/**
 * Exchanges low-latency rows: with all peers over one link, or with those of the own node over another at the same time.
 * @returns the headers of each hop, and when the last needed byte is there.
 */
function* exchangeAll(
  context: TimingContext,
  operation: Operation,
  plan: Omit<Plan, 'hop' | 'sendTo' | 'receiveFrom'>,
): Activity<{ received: readonly ReceivedHeaders[]; arrivedNs: number }> {
  const { topology, member } = context;
  const peers = splitsByNode(operation.collective!)
    ? [topology.remotes(member), topology.neighbours(member)]
    : [topology.others(member)];
  const running = peers.map((sendTo, index) => {
    const hop = index + 1;
    const readyNs = firstByteNs(context, operation, plan.readyNs, hop);
    return context.queue.start(
      exchange(context, operation, { ...plan, hop, sendTo, receiveFrom: sendTo.length, readyNs }),
    );
  });
  const exchanges = [];
  for (const end of running) exchanges.push(yield* end.value());
  return {
    received: exchanges.map(({ received }) => received),
    arrivedNs: Math.max(plan.readyNs, ...exchanges.map(({ receivedNs }) => receivedNs)),
  };
}

/** Low-latency dispatch: each (token, expert) pair goes straight to the expert's rank. @returns the last needed byte. */
function* timeLowLatencyDispatch(context: TimingContext, operation: Operation, readyNs: number): Activity<number> {
  const { topology, member } = context;
  const { rowsOfExpert, tokens } = yield* context.queue.outside(context.layout(operation)).value();
  const own = topology.expertsOf(member);
  const copied = { tokens, toNodes: 0, toRanks: total(rowsOfExpert, 0, rowsOfExpert.length) };
  const { received, arrivedNs } = yield* exchangeAll(context, operation, {
    readyNs,
    copied,
    rows: (peer) => {
      const { first, count } = topology.expertsOf(peer);
      return total(rowsOfExpert, first, first + count);
    },
    extraCount: own.count,
    appendExtra: (peer, integers) => {
      const { first, count } = topology.expertsOf(peer);
      for (let i = first; i < first + count; i++) integers.push(rowsOfExpert[i]);
    },
  });
  const rowsOfHome = new Float64Array(topology.ranks);
  const expertRows = Float64Array.from(rowsOfExpert.subarray(own.first, own.first + own.count));
  for (const { headers, segments, offsets } of received) {
    headers.forEach((header, h) => {
      rowsOfHome[topology.memberOf(header.from)] = total(segments.tokens, offsets[h], offsets[h + 1]);
      const extraAt = extraOffset(header);
      for (let i = 0; i < own.count; i++) expertRows[i] += header.integers[extraAt + i];
    });
  }
  const learnt: ReceivedLayout = {
    rowsOfHome,
    contributions: [],
    forwarded: [],
    expertRows,
    receivedTokens: total(expertRows, 0, own.count),
  };
  context.received.set(receivedKey(operation), learnt);
  return arrivedNs;
}

/** Low-latency combine: each row goes straight back to its token's home. @returns the last needed byte. */
function* timeLowLatencyCombine(context: TimingContext, operation: Operation, readyNs: number): Activity<number> {
  const learnt = context.received.get(receivedKey(operation));
  const rowsOfHome = learnt?.rowsOfHome;
  if (learnt === undefined || rowsOfHome === undefined) {
    throw new InvariantError(`${operation.phase} of layer ${operation.layer} has no dispatch before it`);
  }
  context.received.delete(receivedKey(operation));
  const { tokens } = context.microBatches[operation.microBatch];
  const { arrivedNs } = yield* exchangeAll(context, operation, {
    readyNs,
    copied: { tokens, toNodes: 0, toRanks: total(learnt.expertRows, 0, learnt.expertRows.length) },
    rows: (peer) => rowsOfHome[peer],
    extraCount: 0,
    appendExtra: noExtra,
  });
  return arrivedNs;
}

/** @returns when the last byte that this rank needs of a low-latency transfer, ready at `readyNs`, is there. */
export function timeLowLatency(context: TimingContext, operation: Operation, readyNs: number): Activity<number> {
  return operation.collective!.type === 'dispatch'
    ? timeLowLatencyDispatch(context, operation, readyNs)
    : timeLowLatencyCombine(context, operation, readyNs);
}

/**
 * Times pipeline communication: activations (or gradients) of the chunk go to the same GPU of the next node (backward:
 * of the one before) and arrive from the other side, as between two pipeline stages that run in step.
 *
 * @returns when this rank has sent and received its own.
 */
export function* timePipeline(context: TimingContext, operation: Operation, startNs: number): Activity<number> {
  const { topology, member, microBatches } = context;
  const stride = topology.nodeSize * (operation.direction === 'forward' ? 1 : -1);
  const target = (member + stride + topology.ranks) % topology.ranks;
  const alone = target === member;
  const { tokens } = microBatches[operation.microBatch];
  const { sentNs, receivedNs } = yield* exchange(context, operation, {
    hop: 1,
    sendTo: alone ? [] : [target],
    receiveFrom: alone ? 0 : 1,
    readyNs: firstByteNs(context, operation, startNs, 1),
    rows: () => tokens,
    extraCount: 0,
    appendExtra: noExtra,
  });
  return Math.max(startNs, sentNs, receivedNs);
}

/**
 * Times a send of a role's output to the peer in the next role, or its receive: a send ends when its last byte has left, a
 * receive when it is there.
 */
export function* timeHandOver(context: TimingContext, operation: Operation, startNs: number): Activity<number> {
  const { rank, role, configuration, microBatches } = context;
  const peer = rolesOf(configuration)[operation.peerRole!].ranks[role.ranks.indexOf(rank)];
  const sends = operation.collective!.type === 'send';
  const { tokens } = microBatches[operation.microBatch];
  if (sends) {
    const bytes = bytesPerToken(configuration, operation);
    const sent = new SegmentTable(segmentCount(tokens));
    const readyNs = firstByteNs(context, operation, startNs, 1);
    for (let number = 0; number < segmentCount(tokens); number++) {
      const length = segmentLength(tokens, number);
      sent.push(peer, rank, peer, number, length, length * bytes, readyNs);
    }
    const order = sent.asAppended();
    const sentNs = yield* serveOut(context, operation, 1, sent, order);
    sendHeaders(context, operation, 1, [peer], sent, order, noExtra);
    return Math.max(startNs, sentNs);
  }
  const { segments } = yield* takeHeaders(context, operation, 1, 1, () => 0);
  return Math.max(startNs, yield* serveIn(context, operation, 1, segments, segments.inOrder()));
}
