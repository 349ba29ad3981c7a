import * as z from 'zod';
import { COUNT, RATE, TIME_NS, numberFrom } from './bounds.js';
import { wordsForUnion } from './remedy.js';

/** Bytes of an element. */
const ELEMENT_BYTES = numberFrom(0.001, 1000);
export const SOURCE = z.string().min(1);

/**
 * What a value rests on. measured: fitted on measured kernels, named in `source`; published: printed there; fitted:
 * chosen so that an emulated figure meets a published one; scaled: another preset's, by the ratio of data sheets;
 * assumed: nobody has published it.
 */
export const BASIS = z.enum(['measured', 'published', 'fitted', 'scaled', 'assumed']);
export type Basis = z.infer<typeof BASIS>;

const PROVENANCE = {
  basis: BASIS,
  source: SOURCE,
  /** Measured kernels behind a fit, and the relative standard deviation of their times around it. */
  count: COUNT.optional(),
  spread: numberFrom(0, 1e9).optional(),
};

/** Heights or widths of tiles that a library has. */
const TILE_SIZES = z.array(COUNT).min(1, 'give a size').max(64, 'give at most 64 sizes');

/**
 * Matrix products by tiles: of the tiles that the library has, those are taken that take the least time. A wave of
 * tiles, one on each SM, takes (`tileNs` + `nsPerK` × K) × the tile's part of 128 × 128. Time is `floorNs`, and of the
 * waves and the bytes that memory moves meanwhile the longer.
 */
const TILE_SCHEMA = z.strictObject({
  model: z.literal('tile'),
  tileRows: TILE_SIZES,
  tileColumns: TILE_SIZES,
  floorNs: TIME_NS,
  /** Of a tile of 128 × 128, beside its operations; and per K. */
  tileNs: TIME_NS,
  nsPerK: RATE,
  /** What a step of K takes in the smallest tile: operands come no faster. Absent: as the tile's part says. */
  leastNsPerK: RATE.optional(),
  /** K may be halved, again and again, where tiles do not fill the SMs; each time costs this. Absent: never. */
  splitNs: TIME_NS.optional(),
  /** Bytes of an operand's element, and of the result's. */
  operandBytes: ELEMENT_BYTES,
  resultBytes: ELEMENT_BYTES,
  memoryGBps: RATE,
  ...PROVENANCE,
});

/** Attention: floating-point operations over the rate of the SMs, or bytes where memory binds. */
const FLOPS_SCHEMA = z.strictObject({
  model: z.literal('flops'),
  floorNs: TIME_NS,
  tflopsPerSm: RATE,
  memoryGBps: RATE,
  /** Keys that one query goes through one after the other, at most, and the time of each; absent: none. */
  keysInRow: COUNT.optional(),
  nsPerKey: RATE.optional(),
  /** Of a tile of queries beside its operations; absent: nothing. */
  tileNs: TIME_NS.optional(),
  ...PROVENANCE,
});

/** Whatever memory binds: a floor, and bytes read and written over a rate. */
const MEMORY_SCHEMA = z.strictObject({
  model: z.literal('memory'),
  floorNs: TIME_NS,
  GBps: RATE,
  ...PROVENANCE,
});

export const KERNEL_RATE_SCHEMA = z.discriminatedUnion('model', [TILE_SCHEMA, FLOPS_SCHEMA, MEMORY_SCHEMA], {
  error: wordsForUnion('give tile, flops or memory'),
});

/** The rate of a kind of kernel: a curve over its shape, by one of three models. */
export type KernelRate = Readonly<z.infer<typeof KERNEL_RATE_SCHEMA>>;
export type TileRate = Readonly<z.infer<typeof TILE_SCHEMA>>;
export type FlopsRate = Readonly<z.infer<typeof FLOPS_SCHEMA>>;
export type MemoryRate = Readonly<z.infer<typeof MEMORY_SCHEMA>>;
