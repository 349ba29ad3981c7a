import { InvariantError } from '@epemu/core';
import { linksByReach, movementIdOf } from '@epemu/schedule';
import type { Operation } from '@epemu/schedule';
import { NOTIFY_HOPS, linkLatencyNs } from './context.js';
import type { TimingContext } from './context.js';
import type { Activity } from './event-queue.js';

/** One hop of the maximum: tell the peers, hear from all of them. */
function* maximum(
  context: TimingContext,
  operation: Operation,
  hop: number,
  peers: readonly number[],
  ownNs: number,
  latencyNs: number,
): Activity<number> {
  const { stream } = operation;
  const movement = movementIdOf(operation);
  for (const peer of peers) {
    const to = context.topology.rankOf(peer);
    context.endpoint.sendHeader({ to, movement, hop, stream, integers: [ownNs] });
  }
  const headers = yield* context.mailbox.take(movement, hop, peers.length).value();
  let latest = ownNs;
  for (const { integers, from } of headers) {
    const [theirs] = integers;
    if (theirs === undefined) throw new InvariantError(`the notify of rank ${from} holds no time`);
    latest = Math.max(latest, theirs + latencyNs);
  }
  return latest;
}

/**
 * Times a notify that starts at `startNs`: a synchronisation of all ranks as a two-hop maximum, same-index GPUs of all
 * nodes first, then the neighbours. It queues at no port.
 *
 * @returns when this rank knows that all have arrived.
 */
export function* timeNotify(context: TimingContext, operation: Operation, startNs: number): Activity<number> {
  const { topology, member } = context;
  const { between, inside } = linksByReach(operation.collective!);
  const column = topology.columnPeers(member);
  const neighbours = topology.neighbours(member);
  const first = yield* maximum(context, operation, NOTIFY_HOPS[0], column, startNs, linkLatencyNs(context, between));
  return yield* maximum(context, operation, NOTIFY_HOPS[1], neighbours, first, linkLatencyNs(context, inside));
}
