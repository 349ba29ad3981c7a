import { kernelDurationNs } from '@epemu/kernels';
import type { HardwarePreset, KernelRate } from '@epemu/presets';
import { fitFlops } from './fit-flops.js';
import { fitMemory } from './fit-memory.js';
import { fitTile } from './fit-tile.js';
import type { Observation } from './observation.js';

function constantsOf(hardware: HardwarePreset, observations: readonly Observation[], base: KernelRate): KernelRate {
  if (base.model === 'memory') return { ...base, ...fitMemory(observations, base) };
  if (base.model === 'tile') return { ...base, ...fitTile(hardware, observations, base) };
  return { ...base, ...fitFlops(observations, base) };
}

/** @returns what a rate predicts for each kernel, ns. */
export function predictedNs(
  hardware: HardwarePreset,
  rate: KernelRate,
  observations: readonly Observation[],
): number[] {
  return observations.map(({ shape, sms }) => kernelDurationNs(hardware, rate, shape, sms));
}

/** Relative standard deviation of measured times around the fit, to three digits. */
function spreadOf(predicted: readonly number[], observations: readonly Observation[]): number {
  const squares = observations.map(({ ns }, i) => ((ns - predicted[i]) / predicted[i]) ** 2);
  return Number(Math.sqrt(squares.reduce((sum, square) => sum + square, 0) / squares.length).toFixed(3));
}

/**
 * Fits the rate of a kind to its kernels.
 *
 * @param hardware the preset that the rate is for; its rate of the kind gives the model and what the kernels cannot tell.
 * @param source where the kernels come from.
 */
export function fitKind(
  hardware: HardwarePreset,
  kind: string,
  observations: readonly Observation[],
  source: string,
): KernelRate {
  const base = hardware.kernels[kind];
  const rate = constantsOf(hardware, observations, base);
  const spread = spreadOf(predictedNs(hardware, rate, observations), observations);
  const count = observations.length;
  return { ...rate, basis: 'measured', source: `${source}: ${count} kernels`, count, spread };
}
