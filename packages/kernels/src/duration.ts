import { InvariantError } from '@epemu/core';
import { leftBeside } from '@epemu/presets';
import type { FlopsRate, HardwarePreset, KernelRate, MemoryRate, TileRate } from '@epemu/presets';
import type { KernelShape } from './shape.js';
import { productBytes, tilingOf } from './tile-law.js';

/**
 * What a kernel's time is mostly: `launch` its floor, `memory` its bytes, `tiles` computing that tiles and waves leave
 * partly idle, or that waits for latency, `compute` computing at full rate.
 */
export type KernelBound = 'compute' | 'memory' | 'tiles' | 'launch';

/** How long a kernel takes alone, and why. */
export interface KernelTime {
  /** Integer ns, at least 1. */
  readonly ns: number;
  readonly bound: KernelBound;
  /** What the data sheet's peaks allow at best for its operations and bytes, ns; 0 without a data sheet. */
  readonly rooflineNs: number;
}

/** How long a kernel takes alone and beside others, integer ns. */
export interface KernelShares {
  /** Alone, at least 1. */
  readonly soloNs: number;
  /** With a transfer beside it all the time, at least as long. */
  readonly besideNs: number;
  /** What its bytes would take at the full memory bandwidth, at most `soloNs`. */
  readonly memoryNs: number;
}

/** The parts of a kernel's work that go on at once, ns. */
interface Parts {
  readonly bytes: number;
  readonly computeNs: number;
  /** What computing would take if every SM were busy all the time. */
  readonly evenNs: number;
  readonly memoryNs: number;
  readonly rooflineNs: number;
}

/** Of computing, what may be idle before tiles rather than operations are said to bind. */
const EVEN_SHARE = 0.8;

/** @returns the share of its full rate that a memory-bound kernel has with `sms` SMs; see {@link HardwarePreset}. */
export function memoryShare(points: HardwarePreset['memoryShare'], sms: number): number {
  let [beforeSms, beforeShare] = [0, 0];
  for (const [atSms, share] of points) {
    if (sms <= atSms) {
      return beforeShare + ((share - beforeShare) * (sms - beforeSms)) / (atSms - beforeSms);
    }
    [beforeSms, beforeShare] = [atSms, share];
  }
  return 1;
}

/** The least time of operations and bytes by the data sheet, ns. */
function rooflineNs(hardware: HardwarePreset, flops: number, operandBytes: number, bytes: number, sms: number): number {
  const { dataSheet, gpu } = hardware;
  if (dataSheet === undefined) return 0;
  const tflops = (operandBytes <= 1 ? dataSheet.fp8Tflops : dataSheet.bf16Tflops) * Math.min(1, sms / gpu.sms);
  // 1 TFLOP/s is 1000 operations a ns.
  return Math.max(flops / (tflops * 1000), bytes / dataSheet.memoryGBps);
}

function tileParts(hardware: HardwarePreset, rate: TileRate, shape: KernelShape, sms: number): Parts {
  const { m, n, k, groups } = shape;
  const bytes = productBytes(rate, shape);
  const rows = groups === undefined ? m : groups.reduce((sum, each) => sum + each, 0);
  return {
    bytes,
    computeNs: tilingOf(rate, shape, sms).ns,
    evenNs: ((rows * n) / (128 * 128) / sms) * (rate.tileNs + rate.nsPerK * k),
    memoryNs: bytes / rate.memoryGBps,
    rooflineNs: rooflineNs(hardware, 2 * rows * n * k, rate.operandBytes, bytes, sms),
  };
}

function flopsParts(hardware: HardwarePreset, rate: FlopsRate, shape: KernelShape, sms: number): Parts {
  const { flops, bytes, keys, tiles } = shape;
  const evenNs = flops / (rate.tflopsPerSm * 1000 * sms);
  // A query's keys are gone through one after the other, until there are enough to be split over the SMs.
  const latencyNs = (rate.nsPerKey ?? 0) * Math.min(keys ?? 0, rate.keysInRow ?? 0);
  const tilesNs = ((rate.tileNs ?? 0) * (tiles ?? 0)) / sms;
  return {
    bytes,
    computeNs: Math.max(evenNs + tilesNs, latencyNs),
    evenNs,
    memoryNs: bytes / rate.memoryGBps,
    rooflineNs: rooflineNs(hardware, flops, 2, bytes, sms),
  };
}

function memoryParts(hardware: HardwarePreset, rate: MemoryRate, { bytes }: KernelShape, sms: number): Parts {
  const memoryNs = bytes / (rate.GBps * memoryShare(hardware.memoryShare, sms));
  return { bytes, computeNs: 0, evenNs: 0, memoryNs, rooflineNs: rooflineNs(hardware, 0, 2, bytes, sms) };
}

function partsOf(hardware: HardwarePreset, rate: KernelRate, shape: KernelShape, sms: number): Parts {
  if (rate.model === 'tile') return tileParts(hardware, rate, shape, sms);
  if (rate.model === 'flops') return flopsParts(hardware, rate, shape, sms);
  return memoryParts(hardware, rate, shape, sms);
}

/** The time of two parts that go on at once: the longer, and up to a quarter more where they are equally long. */
export function together(oneNs: number, otherNs: number): number {
  const [shorter, longer] = oneNs < otherNs ? [oneNs, otherNs] : [otherNs, oneNs];
  if (shorter === 0) return longer;
  const ratio = shorter / longer;
  return longer + (shorter * ratio * ratio * ratio) / 4;
}

/**
 * Solo duration of a kernel, and what it is mostly. Only + − × ÷ and rounding enter, so that every engine gives the
 * same bits. No product and no attention beats the data sheet, whatever its rate says.
 *
 * @param sms SMs that the kernel has, ≥ 1.
 */
export function kernelTime(hardware: HardwarePreset, rate: KernelRate, shape: KernelShape, sms: number): KernelTime {
  if (!(sms > 0)) throw new InvariantError(`a kernel was given ${sms} SMs`);
  const parts = partsOf(hardware, rate, shape, sms);
  const { computeNs, evenNs, memoryNs } = parts;
  const workNs = workOf(rate, parts);
  let bound: KernelBound = computeNs * EVEN_SHARE > evenNs ? 'tiles' : 'compute';
  if (memoryNs >= computeNs) bound = 'memory';
  if (rate.floorNs >= workNs) bound = 'launch';
  return { ns: Math.max(1, Math.round(rate.floorNs + workNs)), bound, rooflineNs: parts.rooflineNs };
}

/** The time of a kernel's parts, ns, with the shares of its rates that it has. */
function workOf(rate: KernelRate, parts: Parts, left = { memory: 1, compute: 1 }): number {
  const memoryNs = parts.memoryNs / left.memory;
  // Where memory alone counts, the rate is a measured one: what stays in the L2 cache comes faster than from memory.
  if (rate.model === 'memory') return memoryNs;
  return Math.max(together(parts.computeNs / left.compute, memoryNs), parts.rooflineNs);
}

/**
 * How long a kernel takes alone, and how long with a transfer beside it from its first moment to its last: the same law for
 * whatever kernel and transfer. Only + − × ÷ and rounding enter.
 *
 * @param sms SMs that the kernel has, ≥ 1.
 * @param transferSms SMs that the transfer holds.
 */
export function kernelShares(
  hardware: HardwarePreset,
  rate: KernelRate,
  shape: KernelShape,
  sms: number,
  transferSms: number,
): KernelShares {
  const parts = partsOf(hardware, rate, shape, sms);
  const { sharing, gpu } = hardware;
  const left = leftBeside(sharing, transferSms, gpu.sms);
  const soloNs = Math.max(1, Math.round(rate.floorNs + workOf(rate, parts)));
  return {
    soloNs,
    besideNs: Math.max(soloNs, Math.round(rate.floorNs + workOf(rate, parts, left))),
    memoryNs: Math.min(soloNs, Math.round(parts.bytes / sharing.memoryGBps)),
  };
}

/** @returns the solo duration of a kernel, integer ns, at least 1; see {@link kernelTime}. */
export function kernelDurationNs(hardware: HardwarePreset, rate: KernelRate, shape: KernelShape, sms: number): number {
  return kernelTime(hardware, rate, shape, sms).ns;
}
