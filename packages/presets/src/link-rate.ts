import { InvariantError } from '@epemu/core';
import type { HardwarePreset } from './hardware.js';
import { ERAS } from './transfer-rate.js';
import type { Era, SmRates, TransferRate } from './transfer-rate.js';

/** What one link of a transfer runs at. */
export interface LinkRate {
  /** Bytes a ns at which the sender's port and SMs give the segments of a hop. */
  readonly GBps: number;
  /** Bytes a ns of the port alone: what the receiver's takes them at. */
  readonly portGBps: number;
  readonly perPeerNs: number;
}

/** @returns kinds of transfer that a preset has in an era, sorted. */
export function transferKinds(hardware: HardwarePreset, era: Era): string[] {
  const kinds = new Set<string>();
  for (const known of ERAS.slice(0, ERAS.indexOf(era) + 1)) {
    for (const kind of Object.keys(hardware.transfers[known] ?? {})) kinds.add(kind);
  }
  return [...kinds].sort();
}

/**
 * @returns a kind of transfer as of an era: its own, else that of the latest era before it.
 * @throws InvariantError where the preset lacks the kind.
 */
export function transferOf(hardware: HardwarePreset, era: Era, kind: string): TransferRate {
  for (const known of ERAS.slice(0, ERAS.indexOf(era) + 1).reverse()) {
    const transfers = hardware.transfers[known];
    if (transfers !== undefined && Object.hasOwn(transfers, kind)) return transfers[kind];
  }
  throw new InvariantError(`the hardware preset ${hardware.name} has no transfer ${kind} in ${era}`);
}

/** What a rank's kernel copies in a transfer. */
export interface Copies {
  /** Tokens that the rank sends, or gets back. */
  readonly tokens: number;
  /** Rows copied to nodes, the own node's included; 0 where there is but one node. */
  readonly toNodes: number;
  /** Rows copied to ranks, the own rank's included. */
  readonly toRanks: number;
  /** Bytes of these that leave by the hop's link. */
  readonly linkBytes: number;
}

/** How a transfer runs at one rank. */
export interface TransferUse {
  readonly era: Era;
  readonly kind: string;
  /** SMs that the transfer kernel runs on. */
  readonly sms: number;
  /** Share of the memory bandwidth that computation beside it uses, 0 where there is none. */
  readonly load: number;
  /** Bytes of one message: of one row. */
  readonly messageBytes: number;
  /** Undefined where no SM copies: in hand-overs and pipelines. */
  readonly copies?: Copies | undefined;
}

/** What one kernel's SMs need for the copies of a transfer, ns. Only + × ÷ enter. */
function copyNs(rates: SmRates, { sms, messageBytes }: TransferUse, copies: Copies): number {
  const { rankCopyGBps, nodeCopyGBps, tokenGBps, perTokenNs, perCopyNs, sharedGBps, sharedNodeGBps } = rates;
  const perRow = (GBps: number | undefined): number => (GBps === undefined ? 0 : messageBytes / GBps);
  const ofSms =
    copies.tokens * (perTokenNs + perRow(tokenGBps)) +
    copies.toRanks * (perCopyNs + perRow(rankCopyGBps)) +
    copies.toNodes * (perCopyNs + perRow(nodeCopyGBps));
  const shared = (copies.toRanks + copies.toNodes) * perRow(sharedGBps) + copies.toNodes * perRow(sharedNodeGBps);
  return ofSms / sms + shared;
}

/**
 * Rate of a hop: the least of what the port gives and of what the kernel's SMs push, whose copies wait for memory that
 * computation beside them uses; with the time that each message takes beyond its bytes. The SMs do all copies of the transfer at once, each
 * hop's in step with the others', so a hop's bytes take them as long as all copies. Only + × ÷ and min enter.
 */
export function linkRate(hardware: HardwarePreset, link: string, use: TransferUse): LinkRate {
  const { sm, links } = transferOf(hardware, use.era, use.kind);
  if (!Object.hasOwn(links, link)) throw new InvariantError(`the transfer ${use.kind} has no rates for ${link}`);
  const { efficiency, GBpsPerSm, perMessageNs, perPeerNs } = links[link];
  const { copies, messageBytes } = use;
  const withMessages = (GBps: number): number =>
    perMessageNs === 0 ? GBps : messageBytes / (messageBytes / GBps + perMessageNs);
  const port = hardware.ports[link].bandwidthGBps * efficiency;
  const copying = sm !== undefined && copies !== undefined && copies.linkBytes > 0;
  if ((copying || GBpsPerSm !== undefined) && !(use.sms > 0)) {
    throw new InvariantError(`${use.kind} needs SMs, but was given ${use.sms}`);
  }
  const pushed = Math.min(
    copying ? copies.linkBytes / copyNs(sm, use, copies) : Number.POSITIVE_INFINITY,
    GBpsPerSm === undefined ? Number.POSITIVE_INFINITY : GBpsPerSm * use.sms,
  );
  const rate = Math.min(port, pushed / (1 + hardware.sharing.copyWait * use.load));
  return { GBps: withMessages(rate), portGBps: withMessages(port), perPeerNs };
}

/** @returns whole ns before the first byte of a transfer over these links. @param experts of the model. */
export function transferStartNs(
  hardware: HardwarePreset,
  { era, kind }: Pick<TransferUse, 'era' | 'kind'>,
  links: readonly string[],
  experts: number,
): number {
  const transfer = transferOf(hardware, era, kind);
  const ofLinks = links.reduce((sum, link) => sum + transfer.links[link].startNs, 0);
  return Math.round(transfer.startNs + transfer.perExpertNs * experts + ofLinks);
}

/**
 * SMs of a low-latency kernel: a block for as many experts each as spread them over the GPU, so few experts hold few
 * SMs.
 */
export function lowLatencySms(gpuSms: number, experts: number): number {
  return Math.ceil(experts / Math.ceil(experts / gpuSms));
}
