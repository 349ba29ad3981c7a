import { z } from 'zod';
import { RATE, numberFrom } from './bounds.js';

/**
 * How kernels and transfers that are resident together share a GPU, whatever they are: rates of kernels and transfers are
 * those they have alone.
 */
export const SHARING_SCHEMA = z.strictObject({
  /** Bandwidth that kernels' loads of memory are shares of. */
  memoryGBps: RATE,
  /**
   * Share of memory bandwidth that a transfer kernel takes from computation, for the share of the GPU's SMs that it holds:
   * 1 where each SM gets as much as any other.
   */
  memoryPerSm: numberFrom(0, 4),
  /** Share of an SM's rate of computing that it takes, for the share of SMs: caches, clock and power are common. */
  computePerSm: numberFrom(0, 4),
  /** By how much a transfer's copies take longer while computation takes all of the memory bandwidth. */
  copyWait: numberFrom(0, 10),
});

/** See {@link SHARING_SCHEMA}. */
export type Sharing = Readonly<z.infer<typeof SHARING_SCHEMA>>;

/** What a preset that says nothing has: nobody takes anything from anybody. */
export const NO_SHARING: Sharing = { memoryGBps: 1, memoryPerSm: 0, computePerSm: 0, copyWait: 0 };

/** Computation always keeps something. */
const LEAST_LEFT = 0.05;

/**
 * @param sms SMs that a resident transfer holds.
 * @param gpuSms SMs of the GPU.
 * @returns shares of their rates that bytes and operations of kernels beside it keep.
 */
export function leftBeside(sharing: Sharing, sms: number, gpuSms: number): { memory: number; compute: number } {
  const left = (perSm: number): number => Math.max(LEAST_LEFT, 1 - (perSm * sms) / gpuSms);
  return { memory: left(sharing.memoryPerSm), compute: left(sharing.computePerSm) };
}
