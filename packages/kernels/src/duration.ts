import { InvariantError } from '@epemu/core';
import type { FlopsRate, HardwarePreset, KernelRate, MemoryRate, TileRate } from '@epemu/presets';

/** A kernel's work in numbers; which of them count depends on the model of its kind. */
export interface KernelShape {
  readonly m: number;
  readonly n: number;
  readonly k: number;
  /** Matrices of k × n in all. */
  readonly weights: number;
  readonly flops: number;
  readonly bytes: number;
}

/** Tiles are made narrower in steps of 16 columns of 128. */
const NARROWING_STEPS = 8;
/** K is padded to the granule of the scales. */
const K_GRANULE = 128;

/** Waves of tiles over the SMs, or the bytes of operands and result where memory binds. */
function tileNs(rate: TileRate, shape: KernelShape, sms: number): number {
  const { m, n, k, weights } = shape;
  const tiles = Math.ceil(m / rate.tileM) * Math.ceil(n / rate.tileN);
  let waves = Math.ceil(tiles / sms);
  let share = 1;
  if (waves === 1 && rate.narrowestShare !== undefined) {
    share = Math.max(rate.narrowestShare, Math.ceil((tiles / sms) * NARROWING_STEPS) / NARROWING_STEPS);
  }
  if (tiles === 0) waves = 0;
  const waveNs = rate.tileNs + rate.nsPerK * share * Math.ceil(k / K_GRANULE) * K_GRANULE;
  const bytes = (m * k + weights * n * k) * rate.operandBytes + m * n * rate.resultBytes;
  return Math.max(waves * waveNs, bytes / rate.memoryGBps);
}

function flopsNs(rate: FlopsRate, shape: KernelShape, sms: number): number {
  // 1 TFLOP/s is 1000 operations a ns.
  return Math.max(shape.flops / (rate.tflopsPerSm * 1000 * sms), shape.bytes / rate.memoryGBps);
}

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

function memoryNs(rate: MemoryRate, shape: KernelShape, share: number): number {
  return shape.bytes / (rate.GBps * share);
}

/**
 * Solo duration of a kernel. Only + − × ÷ and rounding enter, so that every engine gives the same bits.
 *
 * @param sms SMs that the kernel has, ≥ 1.
 * @returns integer ns, at least 1.
 */
export function kernelDurationNs(hardware: HardwarePreset, rate: KernelRate, shape: KernelShape, sms: number): number {
  if (!(sms > 0)) throw new InvariantError(`a kernel was given ${sms} SMs`);
  let workNs: number;
  if (rate.model === 'tile') workNs = tileNs(rate, shape, sms);
  else if (rate.model === 'flops') workNs = flopsNs(rate, shape, sms);
  else workNs = memoryNs(rate, shape, memoryShare(hardware.memoryShare, sms));
  return Math.max(1, Math.round(rate.floorNs + workNs));
}
