import type { TileRate } from '@epemu/presets';
import type { KernelShape } from './shape.js';

/** What constants of a tile are given for: a tile of 128 × 128. */
const TILE_AREA = 128 * 128;
/** K is padded to the granule of the scales. */
const K_GRANULE = 128;
/** Parts that K is split into where tiles do not fill the SMs, each twice the one before. */
const SPLITS = [1, 2, 4, 8, 16];
/**
 * How full a last tile, and a last wave, is when it takes as long as a full one. Less full it takes its part: SMs that
 * have finished leave bandwidth and clock to the others. So time has no steps in the number of tokens.
 */
const FULL_TILE = 0.5;
const FULL_WAVE = 0.25;

/** The number, rounded up where its fraction is at least `full`, and risen evenly up to there. */
function rampedUp(value: number, full: number): number {
  const whole = Math.floor(value);
  return whole + Math.min(1, (value - whole) / full);
}

function rowTiles(rows: number, height: number): number {
  if (rows <= 0) return 0;
  return rows <= height ? 1 : rampedUp(rows / height, FULL_TILE);
}

/** Tiles of that height over all rows, each expert's by themselves. */
function rowTilesOf({ m, groups }: KernelShape, height: number): number {
  if (groups === undefined) return rowTiles(m, height);
  let tiles = 0;
  for (const rows of groups) tiles += rowTiles(rows, height);
  return tiles;
}

/** Which tiles a product is cut into, and what of them its time follows from. */
export interface Tiling {
  /** Waves of tiles over the SMs, a last one that is not full counted by its part. */
  readonly waves: number;
  /** A tile's part of one of 128 × 128. */
  readonly area: number;
  /** K of a tile, padded; less than the product's where it is split. */
  readonly k: number;
  /** How often K was halved. */
  readonly halvings: number;
  /** Whether a step of K takes as long as it does in the smallest of tiles. */
  readonly isLeast: boolean;
  readonly ns: number;
}

const NOTHING: Tiling = { waves: 0, area: 0, k: 0, halvings: 0, isLeast: false, ns: 0 };

/** @returns the tiling of least time of those that the library of a kind has; more SMs never make it slower. */
export function tilingOf(rate: TileRate, shape: KernelShape, sms: number): Tiling {
  const { tileNs, nsPerK, leastNsPerK, splitNs } = rate;
  const least = leastNsPerK ?? 0;
  const k = Math.ceil(shape.k / K_GRANULE) * K_GRANULE;
  const splits = splitNs === undefined ? 1 : SPLITS.length;
  let best = NOTHING;
  for (const height of rate.tileRows) {
    const rows = rowTilesOf(shape, height);
    for (const width of rate.tileColumns) {
      const area = (height * width) / TILE_AREA;
      const tiles = rows * Math.ceil(shape.n / width);
      if (tiles === 0) continue;
      const isLeast = nsPerK * area < least;
      const stepNs = isLeast ? least : nsPerK * area;
      for (let halvings = 0; halvings < splits; halvings++) {
        const filled = (tiles * SPLITS[halvings]) / sms;
        const waves = filled <= 1 ? 1 : rampedUp(filled, FULL_WAVE);
        const ofTile = k / SPLITS[halvings];
        const ns = waves * (tileNs * area + stepNs * ofTile) + halvings * (splitNs ?? 0);
        if (best === NOTHING || ns < best.ns) best = { waves, area, k: ofTile, halvings, isLeast, ns };
      }
    }
  }
  return best;
}

/** @returns the bytes of operands and result; of experts' matrices those of experts that have rows. */
export function productBytes({ operandBytes, resultBytes }: TileRate, shape: KernelShape): number {
  const { m, n, k, weights, groups } = shape;
  let [rows, matrices] = [m, weights];
  if (groups !== undefined) {
    [rows, matrices] = [0, 0];
    for (const ofExpert of groups) {
      rows += ofExpert;
      if (ofExpert > 0) matrices++;
    }
  }
  return (rows * k + matrices * n * k) * operandBytes + rows * n * resultBytes;
}
