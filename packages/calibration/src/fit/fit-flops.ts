import type { FlopsRate } from '@epemu/presets';
import { floorBelow, significant, sum } from './observation.js';
import type { Observation } from './observation.js';

export type FlopsConstants = Pick<FlopsRate, 'floorNs' | 'tflopsPerSm' | 'memoryGBps'>;

/**
 * Fits t = floor + max(flops ÷ (rate × SMs), bytes ÷ memory rate): the base's floor, then the rate that binds most of
 * the time, so that the times add up to those measured.
 *
 * @param base rate of the preset that the fit replaces; decides which of the two binds.
 */
export function fitFlops(observations: readonly Observation[], base: FlopsRate): FlopsConstants {
  const totalNs = sum(observations.map(({ ns }) => ns));
  const floorNs = floorBelow(base.floorNs, totalNs, observations.length);
  const workNs = totalNs - floorNs * observations.length;
  // 1 TFLOP/s is 1000 operations a ns.
  const flopsOfSm = sum(observations.map(({ shape, sms }) => shape.flops / (1000 * sms)));
  const bytes = sum(observations.map(({ shape }) => shape.bytes));
  if (bytes / base.memoryGBps > flopsOfSm / base.tflopsPerSm) {
    return { floorNs, tflopsPerSm: base.tflopsPerSm, memoryGBps: significant(bytes / workNs) };
  }
  return { floorNs, tflopsPerSm: significant(flopsOfSm / workNs), memoryGBps: base.memoryGBps };
}
