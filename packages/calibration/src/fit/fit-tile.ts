import { kernelDurationNs } from '@epemu/kernels';
import type { HardwarePreset, TileRate } from '@epemu/presets';
import { nonNegativeLeastSquares } from './least-squares.js';
import { floorBelow, significant, sum } from './observation.js';
import type { Observation } from './observation.js';

export type TileConstants = Pick<TileRate, 'floorNs' | 'tileNs' | 'nsPerK' | 'memoryGBps'>;

/** Launch and pipeline fill take no longer; a greater intercept is work that the tiles do not tell. */
const MOST_FLOOR_NS = 5000;
/** Fast enough never to bind. */
const NO_MEMORY_BOUND = 1e12;

/** What multiplies `tileNs` and `nsPerK` in a kernel's time, from the emulator's own formula. */
function columns(hardware: HardwarePreset, base: TileRate, { shape, sms }: Observation): [number, number] {
  // Durations are whole ns, so the unit is large.
  const unit = 1000;
  const bare = { ...base, floorNs: 0, memoryGBps: NO_MEMORY_BOUND };
  const tiles = kernelDurationNs(hardware, { ...bare, tileNs: unit, nsPerK: Number.MIN_VALUE }, shape, sms);
  const perK = kernelDurationNs(hardware, { ...bare, tileNs: 0, nsPerK: unit }, shape, sms);
  return [tiles / unit, perK / unit];
}

function operandBytes(base: TileRate, { shape: { m, n, k, weights } }: Observation): number {
  return (m * k + weights * n * k) * base.operandBytes + m * n * base.resultBytes;
}

/**
 * Fits t = floor + waves × (tile + perK × K): all three constants where at least three sizes tell them apart, with the
 * base's floor where there are two, and the base's proportions where there is one; by least squares with weights 1 ÷ t,
 * constants of 0 or more and a floor of at most 5000 ns. Last, tile and perK are scaled so that the times add up to
 * those measured. Kernels that memory binds, by the base's constants, are left to `memoryGBps`.
 *
 * @param base rate of the preset that the fit replaces.
 */
export function fitTile(hardware: HardwarePreset, observations: readonly Observation[], base: TileRate): TileConstants {
  const isBound = (one: Observation): boolean => {
    const [tiles, perK] = columns(hardware, base, one);
    return operandBytes(base, one) / base.memoryGBps >= Math.min(tiles * base.tileNs + perK * base.nsPerK, one.ns);
  };
  const bound = observations.filter(isBound);
  const free = observations.filter((one) => !isBound(one));
  const { floorNs, tileNs, nsPerK } = free.length === 0 ? base : fitWaves(hardware, free, base);
  return {
    floorNs,
    tileNs,
    nsPerK,
    memoryGBps: bound.length === 0 ? base.memoryGBps : boundRate(bound, base, floorNs),
  };
}

function boundRate(bound: readonly Observation[], base: TileRate, floorNs: number): number {
  const totalNs = sum(bound.map(({ ns }) => ns));
  const floor = floorBelow(floorNs, totalNs, bound.length);
  return significant(sum(bound.map((one) => operandBytes(base, one))) / (totalNs - floor * bound.length));
}

function fitWaves(
  hardware: HardwarePreset,
  free: readonly Observation[],
  base: TileRate,
): Pick<TileRate, 'floorNs' | 'tileNs' | 'nsPerK'> {
  const ns = free.map((one) => one.ns);
  const weights = ns.map((time) => 1 / time);
  const pairs = free.map((one) => columns(hardware, base, one));
  const sizes = new Set(pairs.map((pair) => pair.join())).size;
  const totalNs = sum(ns);
  let fitted: number[] | undefined;
  const withFloor = (floor: number): number[] | undefined => {
    if (floor * ns.length >= totalNs) return undefined;
    const both = nonNegativeLeastSquares(
      pairs,
      ns.map((time) => time - floor),
      weights,
    );
    return both === undefined ? undefined : [floor, ...both];
  };
  if (sizes >= 3) {
    fitted = nonNegativeLeastSquares(
      pairs.map((pair) => [1, ...pair]),
      ns,
      weights,
    );
    if (fitted !== undefined && fitted[0] > MOST_FLOOR_NS) fitted = withFloor(MOST_FLOOR_NS);
  } else if (sizes === 2) fitted = withFloor(base.floorNs);
  // Without a part that grows with K there is no rate.
  const [floor, tile, perK] = fitted !== undefined && fitted[2] > 0 ? fitted : [base.floorNs, base.tileNs, base.nsPerK];
  const floorNs = floorBelow(floor, totalNs, ns.length);
  const workNs = sum(pairs.map(([tiles, k]) => tiles * tile + k * perK));
  const scale = (totalNs - floorNs * ns.length) / workNs;
  return { floorNs, tileNs: Math.round(tile * scale), nsPerK: significant(perK * scale) };
}
