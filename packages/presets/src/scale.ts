import type { DataSheet, Factors } from './data-sheet.js';
import type { KernelRate, TileRate } from './kernel-rate.js';
import type { LinkPort, LinkPorts } from './port.js';
import type { LinkRates, TransferRate } from './transfer-rate.js';

/** Kernels below this share of memory bandwidth wait for something else: atomics, one thread block, launches. */
const LATENCY_BOUND_SHARE = 0.1;

/** What the sources of scaled values name. */
export interface ScaleContext {
  /** Name of the preset that is scaled, and its data sheet. */
  readonly base: string;
  readonly from: DataSheet;
  readonly to: DataSheet;
  readonly factors: Factors;
}

/** What the base says of a value; a scaled one's words begin with that already. */
export function thereSays(source: string, basis: string): string {
  return source.startsWith('scaled from ') ? `there ${source}` : `there ${basis}: ${source}`;
}

function scaledBy(context: ScaleContext, how: string, rate: { basis: string; source: string }): string {
  const { base, from, to } = context;
  return `scaled from ${base}: ${how} (${to.name}; ${from.name}); ${thereSays(rate.source, rate.basis)}`;
}

/**
 * A kernel rate on another GPU. Tiles' operations on K follow the SM's peak in the operands' precision; what a tile
 * takes beyond them, writing its result for the most part, an SM's part of memory bandwidth. Floors stay: they are
 * launches and latencies.
 */
export function scaledKernel(rate: KernelRate, context: ScaleContext): KernelRate {
  const { fp8, bf16, memory, memoryOfSm } = context.factors;
  if (rate.model === 'memory') {
    const { model, floorNs, GBps } = rate;
    if (GBps < LATENCY_BOUND_SHARE * context.from.memoryGBps) {
      const source =
        `taken from ${context.base} unchanged: under a tenth of its memory bandwidth, so bound by latency; ` +
        thereSays(rate.source, rate.basis);
      return { model, floorNs, GBps, basis: 'scaled', source };
    }
    const source = scaledBy(context, `GBps by ${memory.text}; floorNs as there`, rate);
    return { model, floorNs, GBps: GBps * memory.value, basis: 'scaled', source };
  }
  if (rate.model === 'flops') {
    const { model, floorNs, tflopsPerSm, memoryGBps, keysInRow, nsPerKey, tileNs } = rate;
    const how = `tflopsPerSm by ${bf16.text}; memoryGBps by ${memory.text}; a tileNs by ${memoryOfSm.text}; floorNs and times of keys as there`;
    return {
      ...{ model, floorNs, tflopsPerSm: tflopsPerSm * bf16.value, memoryGBps: memoryGBps * memory.value },
      ...(keysInRow === undefined ? {} : { keysInRow }),
      ...(nsPerKey === undefined ? {} : { nsPerKey }),
      ...(tileNs === undefined ? {} : { tileNs: tileNs / memoryOfSm.value }),
      ...{ basis: 'scaled', source: scaledBy(context, how, rate) },
    };
  }
  const shape: { -readonly [Key in keyof TileRate]: TileRate[Key] } = { ...rate };
  // They tell of the base's fit alone.
  delete shape.count;
  delete shape.spread;
  const compute = rate.operandBytes === 1 ? fp8 : bf16;
  const how =
    `nsPerK by ${compute.text}; tileNs by ${memoryOfSm.text}; memoryGBps by ${memory.text}; ` +
    'tiles, leastNsPerK, splitNs and floorNs as there';
  return {
    ...shape,
    tileNs: rate.tileNs / memoryOfSm.value,
    nsPerK: rate.nsPerK / compute.value,
    memoryGBps: rate.memoryGBps * memory.value,
    basis: 'scaled',
    source: scaledBy(context, how, rate),
  };
}

function scaledLink(link: LinkRates, factor: number): LinkRates {
  return link.GBpsPerSm === undefined ? link : { ...link, GBpsPerSm: link.GBpsPerSm * factor };
}

/** @returns how a link's rates change: those inside a node as NVLink's, the others as the NIC's. */
function factorOf({ reach }: LinkPort, { nvlink, rdma }: Factors): number {
  return (reach === 'node' ? nvlink : rdma).value;
}

/**
 * A transfer on another GPU: links achieve the same share of ports, which are scaled, and an SM copies as it does there.
 * What an SM is said to push by a link follows the link.
 */
export function scaledTransfer(transfer: TransferRate, ports: LinkPorts, context: ScaleContext): TransferRate {
  const { nvlink, rdma } = context.factors;
  const pushed = Object.values(transfer.links).some(({ GBpsPerSm }) => GBpsPerSm !== undefined);
  const how = pushed
    ? `what an SM pushes by ${nvlink.text}, and ${rdma.text}; all else as there`
    : 'all as there; the ports are scaled';
  return {
    ...transfer,
    links: Object.fromEntries(
      Object.entries(transfer.links).map(([link, rates]) => [
        link,
        scaledLink(rates, factorOf(ports[link], context.factors)),
      ]),
    ),
    basis: 'scaled',
    source: scaledBy(context, how, transfer),
  };
}

/** Ports with other links; latencies stay. */
export function scaledPorts(ports: LinkPorts, factors: Factors): LinkPorts {
  return Object.fromEntries(
    Object.entries(ports).map(([link, port]) => [
      link,
      { ...port, bandwidthGBps: port.bandwidthGBps * factorOf(port, factors) },
    ]),
  );
}
