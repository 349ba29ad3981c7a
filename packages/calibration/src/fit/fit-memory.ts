import type { MemoryRate } from '@epemu/presets';
import { nonNegativeLeastSquares } from './least-squares.js';
import { floorBelow, significant, sum } from './observation.js';
import type { Observation } from './observation.js';

/** Launch and latency take no longer; a greater intercept is work that the bytes do not tell. */
const MOST_FLOOR_NS = 6000;
/** Sizes closer together than this do not tell the floor from the rate. */
const LEAST_SIZE_RATIO = 1.5;

/** The base's floor stays where the squared deviations are at most this many times those of the best one. */
const MOST_MISFIT = 1.5;

export type MemoryConstants = Pick<MemoryRate, 'floorNs' | 'GBps'>;

/**
 * Fits t = floor + bytes ÷ rate. The floor by least squares weighted by 1 ÷ t, within [0, 6000] ns, and the base's
 * where sizes are too close to tell or it fits hardly worse; the rate then so that the times add up to those measured. Kernels without bytes
 * have a floor alone.
 *
 * @param base rate of the preset that the fit replaces.
 */
export function fitMemory(observations: readonly Observation[], base: MemoryRate): MemoryConstants {
  const bytes = observations.map(({ shape }) => shape.bytes);
  const ns = observations.map((observation) => observation.ns);
  const totalNs = sum(ns);
  const most = bytes.reduce((max, size) => Math.max(max, size), 0);
  const least = bytes.reduce((min, size) => Math.min(min, size), most);
  if (most === 0) return { floorNs: Math.round(totalNs / ns.length), GBps: base.GBps };
  let floorNs = base.floorNs;
  if (least * LEAST_SIZE_RATIO <= most) {
    const rows = bytes.map((size) => [1, size]);
    const weights = ns.map((time) => 1 / time);
    floorNs = Math.min(nonNegativeLeastSquares(rows, ns, weights)?.[0] ?? floorNs, MOST_FLOOR_NS);
  }
  const fitted = withFloor(floorNs, bytes, ns);
  const kept = withFloor(base.floorNs, bytes, ns);
  return misfit(kept, bytes, ns) <= MOST_MISFIT * misfit(fitted, bytes, ns) ? kept : fitted;
}

/** The rate that goes with a floor, so that the times add up. */
function withFloor(wishedNs: number, bytes: readonly number[], ns: readonly number[]): MemoryConstants {
  const totalNs = sum(ns);
  const floorNs = floorBelow(wishedNs, totalNs, ns.length);
  return { floorNs, GBps: significant(sum(bytes) / (totalNs - floorNs * ns.length)) };
}

/** Squared deviations over the times. */
function misfit({ floorNs, GBps }: MemoryConstants, bytes: readonly number[], ns: readonly number[]): number {
  return sum(ns.map((time, i) => (time - floorNs - bytes[i] / GBps) ** 2 / time));
}
