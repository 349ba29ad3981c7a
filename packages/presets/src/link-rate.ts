import { InvariantError } from '@epemu/core';
import type { HardwarePreset } from './hardware.js';
import { ERAS } from './transfer-rate.js';
import type { Era, TransferRate } from './transfer-rate.js';

/** What one link of a transfer runs at. */
export interface LinkRate {
  /** Bytes a ns. */
  readonly GBps: number;
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

/** How a transfer runs at one rank. */
export interface TransferUse {
  readonly era: Era;
  readonly kind: string;
  /** SMs that the transfer kernel holds; 0 where it holds none. */
  readonly sms: number;
  /** Whether a compute phase runs beside it. */
  readonly besideCompute: boolean;
  /** Bytes of one message: of one row. */
  readonly messageBytes: number;
}

/**
 * Rate of a link: what the transfer kernel's SMs push, what is left of that beside compute, and no more than the
 * port's bandwidth; with the time that each message takes beyond its bytes. Only + × ÷ and min enter.
 */
export function linkRate(hardware: HardwarePreset, link: string, use: TransferUse): LinkRate {
  const transfer = transferOf(hardware, use.era, use.kind);
  if (!Object.hasOwn(transfer.links, link))
    throw new InvariantError(`the transfer ${use.kind} has no rates for ${link}`);
  const rates = transfer.links[link];
  const { GBpsPerSm, perMessageNs, perPeerNs } = rates;
  const port = hardware.ports[link].bandwidthGBps;
  let rate = port;
  if (GBpsPerSm !== undefined) {
    if (!(use.sms > 0)) throw new InvariantError(`${use.kind} needs SMs, but was given ${use.sms}`);
    rate = Math.min(port, GBpsPerSm * use.sms * (use.besideCompute ? transfer.besideCompute : 1));
  }
  return { GBps: use.messageBytes / (use.messageBytes / rate + perMessageNs), perPeerNs };
}
