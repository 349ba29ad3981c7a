import { kernelDurationNs, tilingOf } from '@epemu/kernels';
import type { HardwarePreset, TileRate } from '@epemu/presets';
import { nonNegativeLeastSquares } from './least-squares.js';
import { floorBelow, significant, sum } from './observation.js';
import type { Observation } from './observation.js';

export type TileConstants = Pick<TileRate, 'floorNs' | 'tileNs' | 'nsPerK' | 'leastNsPerK' | 'memoryGBps'>;

/** Launch and pipeline fill take no longer; a greater intercept is work that the tiles do not tell. */
const MOST_FLOOR_NS = 5000;
/** What multiplies `tileNs` and `nsPerK` in a kernel's time, with the tiles that the base would take for it. */
function columns(base: TileRate, { shape, sms }: Observation): [number, number] {
  const { waves, area, k, isLeast } = tilingOf(base, shape, sms);
  // The least step keeps its proportion to that of a whole tile.
  const step = isLeast && base.leastNsPerK !== undefined ? base.leastNsPerK / base.nsPerK : area;
  return [waves * area, waves * k * step];
}

function operandBytes(base: TileRate, { shape: { m, n, k, weights } }: Observation): number {
  return (m * k + weights * n * k) * base.operandBytes + m * n * base.resultBytes;
}

/** Rounds in which the tiles, and what memory adds to them, follow from the constants of the round before. */
const ROUNDS = 6;

/**
 * Fits t = floor + waves × (tile + perK × K): all three constants where at least three sizes tell them apart, with the
 * base's floor where there are two, and the base's proportions where there is one; by least squares with weights 1 ÷ t,
 * constants of 0 or more and a floor of at most 5000 ns. Last, tile and perK are scaled so that the times add up to
 * those measured. What bytes beside the tiles add to a time is taken off first. Kernels that memory binds, by the
 * base's constants, are left to `memoryGBps`.
 *
 * @param base rate of the preset that the fit replaces.
 */
export function fitTile(hardware: HardwarePreset, observations: readonly Observation[], base: TileRate): TileConstants {
  const isBound = (one: Observation): boolean => {
    const [tiles, perK] = columns(base, one);
    return operandBytes(base, one) / base.memoryGBps >= Math.min(tiles * base.tileNs + perK * base.nsPerK, one.ns);
  };
  const bound = observations.filter(isBound);
  const free = observations.filter((one) => !isBound(one));
  let rate = base;
  for (let round = 0; round < ROUNDS && free.length > 0; round++) {
    const before = rate;
    const alone = free.map((one) => ({ ...one, ns: Math.max(1, one.ns - besideTilesNs(hardware, before, one)) }));
    rate = { ...before, ...fitWaves(alone, before, base.floorNs) };
  }
  const { floorNs, tileNs, nsPerK } = rate;
  const { leastNsPerK } = base;
  return {
    floorNs,
    tileNs,
    nsPerK,
    ...(leastNsPerK === undefined ? {} : { leastNsPerK: significant((leastNsPerK * nsPerK) / base.nsPerK) }),
    memoryGBps: bound.length === 0 ? base.memoryGBps : boundRate(bound, base, floorNs),
  };
}

/** What a kernel takes beyond its floor and its tiles: bytes that go on beside them. */
function besideTilesNs(hardware: HardwarePreset, rate: TileRate, { shape, sms }: Observation): number {
  return kernelDurationNs(hardware, rate, shape, sms) - rate.floorNs - tilingOf(rate, shape, sms).ns;
}

function boundRate(bound: readonly Observation[], base: TileRate, floorNs: number): number {
  const totalNs = sum(bound.map(({ ns }) => ns));
  const floor = floorBelow(floorNs, totalNs, bound.length);
  return significant(sum(bound.map((one) => operandBytes(base, one))) / (totalNs - floor * bound.length));
}

/** @param keptFloorNs the floor where sizes do not tell it. */
function fitWaves(
  free: readonly Observation[],
  base: TileRate,
  keptFloorNs: number,
): Pick<TileRate, 'floorNs' | 'tileNs' | 'nsPerK'> {
  const ns = free.map((one) => one.ns);
  const weights = ns.map((time) => 1 / time);
  const pairs = free.map((one) => columns(base, one));
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
  } else if (sizes === 2) fitted = withFloor(keptFloorNs);
  // Without a part that grows with K there is no rate.
  const [floor, tile, perK] = fitted !== undefined && fitted[2] > 0 ? fitted : [keptFloorNs, base.tileNs, base.nsPerK];
  const floorNs = floorBelow(floor, totalNs, ns.length);
  const workNs = sum(pairs.map(([tiles, k]) => tiles * tile + k * perK));
  const scale = (totalNs - floorNs * ns.length) / workNs;
  return { floorNs, tileNs: significant(tile * scale), nsPerK: significant(perK * scale) };
}
