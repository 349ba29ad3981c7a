import { z } from 'zod';
import { COUNT, RATE, SHARE, TIME_NS, numberFrom } from './bounds.js';
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

/**
 * Matrix products by tiles: a wave of tiles, one on each SM, takes `tileNs` + `nsPerK` × K. Time is `floorNs` and the
 * waves' time, or that of the bytes where memory binds.
 */
const TILE_SCHEMA = z.strictObject({
  model: z.literal('tile'),
  tileM: COUNT,
  tileN: COUNT,
  floorNs: TIME_NS,
  tileNs: TIME_NS,
  nsPerK: RATE,
  /** Where tiles do not fill the SMs they are made narrower, down to this share of `nsPerK`; absent: never. */
  narrowestShare: SHARE.optional(),
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
