import { hardwareOf, linkShare, placedExperts } from '@epemu/config';
import type { Configuration, LaunchCosts, MicroBatch, Role } from '@epemu/config';
import type { Endpoint } from '@epemu/fabric';
import type { KernelCatalogue } from '@epemu/kernels';
import { linkRate, lowLatencySms, transferStartNs } from '@epemu/presets';
import type { Copies, LinkRate } from '@epemu/presets';
import type { Operation, Program } from '@epemu/schedule';
import { inPort, linksByReach, outPort } from '@epemu/schedule';
import type { Port } from '@epemu/schedule';
import { serviceTime } from '@epemu/timeline';
import type { Disturbance, RankRecord, RankTimeline, SlowLinks } from '@epemu/timeline';
import type { SendLayout } from '../layout.js';
import type { Topology } from '../topology.js';
import type { Activity, EventQueue } from './event-queue.js';
import type { Mailbox } from './mailbox.js';
import type { PortOrder } from './port-order.js';
import type { SegmentTable } from './segment-table.js';

/** What a rank knows of a collective besides its own layout, learnt from headers. */
export interface ReceivedLayout {
  /** Low-latency: rows this rank's experts got of each home rank, its own left out; [ranks]. */
  readonly rowsOfHome: Float64Array | undefined;
  /** Normal mode: segments of tokens this rank's experts got: by home rank and segment number. */
  readonly contributions: { home: number; segment: number; tokens: number }[];
  /** Normal mode: segments of tokens this rank forwards, its own included: by home rank and segment number. */
  readonly forwarded: { home: number; segment: number; tokens: number }[];
  /** Rows for each of this rank's experts. */
  readonly expertRows: Float64Array;
  receivedTokens: number;
}

/** When a compute operation runs, integer ns, and what share of the memory bandwidth it uses, in millionths. */
export interface Span {
  readonly id: number;
  readonly startNs: number;
  readonly endNs: number;
  readonly load: number;
}

/** Everything the timing of one rank's operations uses. */
export interface TimingContext {
  readonly rank: number;
  /** Its place in its group: so its peers are known wherever they are, but in records and on the wire. */
  readonly member: number;
  readonly role: Role;
  readonly configuration: Configuration;
  readonly launch: LaunchCosts;
  readonly program: Program;
  readonly catalogue: KernelCatalogue;
  /** Compute operations whose load collectives look at. */
  readonly asked: ReadonlySet<number>;
  /** By collective under way: compute operations that may run beside its transfer. */
  readonly spans: Map<number, readonly Span[]>;
  readonly topology: Topology;
  readonly endpoint: Endpoint;
  readonly queue: EventQueue;
  readonly mailbox: Mailbox;
  readonly ports: PortOrder;
  readonly slowLinks: SlowLinks;
  readonly disturbance: Disturbance;
  readonly timeline: RankTimeline;
  readonly record: RankRecord;
  readonly microBatches: readonly MicroBatch[];
  /** The rank's own layout of a dispatch, as soon as its router has decided. */
  layout(operation: Operation): Promise<SendLayout>;
  /** What was learnt in the dispatch of a (layer, micro-batch, direction). */
  readonly received: Map<string, ReceivedLayout>;
}

/** Hop numbers of headers: 1 and 2 move bytes, 3 and 4 are the two hops of notify. */
export const NOTIFY_HOPS = [3, 4] as const;

/** @returns the key of what a dispatch learnt, for the combine that goes back over it. */
export function receivedKey(operation: Operation): string {
  return `${operation.layer}:${operation.microBatch}:${operation.direction}`;
}

/** @returns modelled bytes of one token (low-latency and pipeline: of one row). */
export function bytesPerToken(configuration: Configuration, operation: Operation): number {
  const { bytesPerToken: bytes } = configuration.model;
  const { mode, type } = operation.collective!;
  if (mode === 'pipeline') return bytes.pipeline;
  if (type === 'combine') return bytes.combine;
  return mode === 'low-latency' ? bytes.lowLatencyDispatch : bytes.dispatch;
}

function linkOfHop({ collective }: Operation, hop: number): number {
  return collective!.hops[hop - 1];
}

/** What a rank's transfer kernel copies for a hop, whichever way it leaves. */
export type Copied = Omit<Copies, 'linkBytes'>;

/** Rate of a hop's link for an operation's transfer kernel at this rank, beside computation of that load. */
function hopRate(context: TimingContext, operation: Operation, hop: number, load: number, copies?: Copies): LinkRate {
  const { configuration, program } = context;
  const { schedule } = configuration;
  const hardware = hardwareOf(configuration, context.rank);
  const { mode, rateKind } = operation.collective!;
  return linkRate(hardware, program.links[linkOfHop(operation, hop)].name, {
    era: configuration.era,
    kind: rateKind,
    sms:
      mode === 'low-latency'
        ? lowLatencySms(hardware.gpu.sms, placedExperts(configuration))
        : schedule.communicationSms,
    load,
    messageBytes: bytesPerToken(configuration, operation),
    copies,
  });
}

/**
 * The load that a collective meets at a moment: of compute operations that hold their SMs, which one does until the next on
 * its stream could start; of two that start at once the one launched first does.
 *
 * @returns millionths.
 */
export function loadAt(spans: readonly Span[], operation: Operation, timeNs: number, gapNs: number): number {
  let load = 0;
  for (const { id, startNs, endNs, load: own } of spans) {
    const started = startNs < timeNs || (startNs === timeNs && id < operation.id);
    if (started && timeNs < endNs + gapNs) load += own;
  }
  return Math.min(load, 1_000_000);
}

/** Rates of a hop by the load that its segments meet when a port turns to them. */
class HopRates {
  readonly #rateOf: (load: number) => LinkRate;
  readonly #spans: readonly Span[];
  readonly #rates = new Map<number, LinkRate>();
  readonly #operation: Operation;
  readonly #gapNs: number;

  constructor(context: TimingContext, operation: Operation, hop: number, copies?: Copies) {
    this.#rateOf = (load) => hopRate(context, operation, hop, load / 1_000_000, copies);
    this.#spans = context.spans.get(operation.id) ?? [];
    this.#operation = operation;
    this.#gapNs = context.launch.gapNs;
  }

  at(timeNs: number): LinkRate {
    const load = this.#spans.length === 0 ? 0 : loadAt(this.#spans, this.#operation, timeNs, this.#gapNs);
    let rate = this.#rates.get(load);
    if (rate === undefined) this.#rates.set(load, (rate = this.#rateOf(load)));
    return rate;
  }
}

/**
 * @param hop of low-latency kernels, whose hops do not wait for each other; undefined for all hops that have peers.
 * @returns when the first byte of a transfer whose kernel starts at `startNs` can leave.
 */
export function firstByteNs(context: TimingContext, operation: Operation, startNs: number, hop?: number): number {
  const { hardware, era } = context.configuration;
  const { collective } = operation;
  const { rateKind: kind, mode, hops } = collective!;
  const ofAll = mode === 'normal' && context.topology.nodes === 1 ? [linksByReach(collective!).inside] : hops;
  const links = hop === undefined ? ofAll : [linkOfHop(operation, hop)];
  const names = links.map((link) => context.program.links[link].name);
  return startNs + transferStartNs(hardware, { era, kind }, names, placedExperts(context.configuration));
}

/** Latency of a link, integer ns. */
export function linkLatencyNs({ configuration, program }: TimingContext, link: number): number {
  return configuration.hardware.ports[program.links[link].name].latencyNs;
}

/**
 * @param peer a member of the group; of a send or receive the rank itself.
 * @returns the peer's rank.
 */
export function rankOfPeer({ topology }: TimingContext, { peerRole }: Operation, peer: number): number {
  return peerRole === undefined ? topology.rankOf(peer) : peer;
}

function recordService(
  context: TimingContext,
  operation: Operation,
  hop: number,
  port: Port,
  segments: SegmentTable,
  index: number,
  service: { startNs: number; endNs: number },
): void {
  if (!operation.recorded) return;
  context.timeline.services.push(
    port,
    operation.id,
    hop,
    rankOfPeer(context, operation, segments.peer[index]),
    rankOfPeer(context, operation, segments.origin[index]),
    rankOfPeer(context, operation, segments.destination[index]),
    segments.number[index],
    segments.bytes[index],
    service.startNs,
    service.endNs,
  );
}

/** @returns how much later a segment comes through where the link to its peer is slow, ns. */
function linkDelay(
  { configuration, rank, slowLinks }: TimingContext,
  port: Port,
  peer: number,
  service: { startNs: number; endNs: number },
  bytesNs: number,
): number {
  const share = linkShare(configuration, rank, peer);
  return share === 1 ? 0 : slowLinks.delayNs(`${port} ${peer}`, service, bytesNs / share);
}

/**
 * Serves segments at an out-port in the order given, and sets when their first and last bytes reach the peer.
 * @param order indices of the segments.
 * @param copied what the rank's kernel copies in all for this hop; undefined where none does.
 * @returns the end of the last service, or −Infinity where there was none.
 */
export function serveOut(
  context: TimingContext,
  operation: Operation,
  hop: number,
  segments: SegmentTable,
  order: Uint32Array,
  copied?: Copied,
): Activity<number> {
  const copies = copied === undefined ? undefined : { ...copied, linkBytes: segments.totalBytes() };
  if (copied !== undefined) {
    context.record.copies.push(operation.id, hop, copied.tokens, copied.toNodes, copied.toRanks);
  }
  const rates = new HopRates(context, operation, hop, copies);
  const latencyNs = linkLatencyNs(context, linkOfHop(operation, hop));
  const port = outPort(linkOfHop(operation, hop));
  const { peer, origin, destination, number, bytes } = segments;
  const rankOf = (peer: number): number => rankOfPeer(context, operation, peer);
  return context.ports.serve(operation.id, port, (clock) => {
    let lastNs = Number.NEGATIVE_INFINITY;
    for (const i of order) {
      const rate = rates.at(Math.max(clock.freeNs, segments.readyNs[i]));
      const { leadNs, totalNs } = serviceTime(bytes[i], rate.GBps, number[i] === 0 ? rate.perPeerNs : 0);
      const service = clock.serveOut(segments.readyNs[i], totalNs, segments.arrivedNs[i]);
      const heldNs = linkDelay(context, port, rankOf(peer[i]), service, totalNs - leadNs);
      segments.firstByteNs[i] = service.startNs + leadNs + latencyNs + heldNs;
      segments.lastByteNs[i] = service.endNs + latencyNs + heldNs;
      lastNs = service.endNs + heldNs;
      recordService(context, operation, hop, port, segments, i, service);
      context.record.segments.push(
        operation.id,
        hop,
        rankOf(peer[i]),
        rankOf(origin[i]),
        rankOf(destination[i]),
        number[i],
        bytes[i],
      );
    }
    return lastNs;
  });
}

/**
 * Serves segments at an in-port in the order given, sets `readyNs` to when each begins to arrive and `arrivedNs` to when
 * it has arrived in full.
 * @param order indices of the segments.
 * @returns the end of the last service, or −Infinity where there was none.
 */
export function serveIn(
  context: TimingContext,
  operation: Operation,
  hop: number,
  segments: SegmentTable,
  order: Uint32Array,
): Activity<number> {
  const port = inPort(linkOfHop(operation, hop));
  const { portGBps } = hopRate(context, operation, hop, 0);
  return context.ports.serve(operation.id, port, (clock) => {
    let lastNs = Number.NEGATIVE_INFINITY;
    for (const i of order) {
      const { totalNs } = serviceTime(segments.bytes[i], portGBps, 0);
      const service = clock.serveIn(segments.firstByteNs[i], segments.lastByteNs[i], totalNs);
      segments.readyNs[i] = service.startNs;
      segments.arrivedNs[i] = service.endNs;
      lastNs = Math.max(lastNs, service.endNs);
      recordService(context, operation, hop, port, segments, i, service);
    }
    return lastNs;
  });
}
