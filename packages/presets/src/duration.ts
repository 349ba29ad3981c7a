import { InvariantError } from '@epemu/core';
import type { HardwarePreset, KernelCost } from './hardware.js';

/** What a kernel works on, and with how many SMs. */
export interface KernelContext {
  /** Tokens of the micro-batch. */
  readonly tokens: number;
  /** (token, expert) rows that the rank's experts received. */
  readonly expertRows: number;
  /** Distinct tokens that the rank received. */
  readonly receivedTokens: number;
  /** Pairs (query, key): Σ n·p + n(n + 1)/2 over pieces of n tokens from position p; decode: tokens × KV length. */
  readonly attentionWork: number;
  /** SMs the kernel has, ≥ 1. */
  readonly sms: number;
}

function unitsOf(cost: KernelCost, context: KernelContext): number {
  switch (cost.work) {
    case 'fixed':
      return cost.at;
    case 'tokens':
      return context.tokens;
    case 'expertRows':
      return context.expertRows;
    case 'receivedTokens':
      return context.receivedTokens;
    case 'attention':
      return context.attentionWork;
  }
}

/**
 * Solo duration of a kernel: its measured time, in proportion to the work and, where it is compute-bound, inversely to
 * the SMs. Only × and ÷ enter, so that every engine gives the same bits.
 *
 * @returns integer ns, at least 1.
 */
export function kernelDurationNs(cost: KernelCost, context: KernelContext): number {
  if (!(context.sms > 0)) throw new InvariantError(`a kernel was given ${context.sms} SMs`);
  const share = cost.bound === 'compute' ? cost.sms / context.sms : 1;
  return Math.max(1, Math.round(cost.us * 1000 * (unitsOf(cost, context) / cost.at) * share));
}

/** What the two hops of a transfer run at, in bytes a ns. */
export interface EffectiveRates {
  readonly rdmaGBps: number;
  readonly nvlinkGBps: number;
}

/**
 * Rates of a transfer kernel: the measured RDMA rate in proportion to its SMs (a rate measured with none does not
 * follow them), and no rate above its port's bandwidth.
 *
 * @param communicationSms SMs that the transfer kernel holds; 0 where it holds none.
 */
export function transferRates(hardware: HardwarePreset, rateKind: string, communicationSms: number): EffectiveRates {
  if (!Object.hasOwn(hardware.transferRates, rateKind)) {
    throw new InvariantError(`the hardware preset ${hardware.name} has no rate ${rateKind}`);
  }
  const rate = hardware.transferRates[rateKind];
  const share = rate.sms === 0 ? 1 : communicationSms / rate.sms;
  if (!(share > 0)) throw new InvariantError(`${rateKind} needs SMs, but was given ${communicationSms}`);
  return {
    rdmaGBps: Math.min(rate.rdmaGBps * share, hardware.ports.rdma.bandwidthGBps),
    nvlinkGBps: Math.min(rate.nvlinkGBps, hardware.ports.nvlink.bandwidthGBps),
  };
}
