import { z } from 'zod';

export const POSITIVE = z.number('give a positive number').positive('give a positive number');
const NOT_NEGATIVE = z.number('give 0 or more').nonnegative('give 0 or more');
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
  count: z.int().positive().optional(),
  spread: NOT_NEGATIVE.optional(),
};

/**
 * Matrix products by tiles: a wave of tiles, one on each SM, takes `tileNs` + `nsPerK` × K. Time is `floorNs` and the
 * waves' time, or that of the bytes where memory binds.
 */
const TILE_SCHEMA = z.strictObject({
  model: z.literal('tile'),
  tileM: z.int().positive(),
  tileN: z.int().positive(),
  floorNs: NOT_NEGATIVE,
  tileNs: NOT_NEGATIVE,
  nsPerK: POSITIVE,
  /** Where tiles do not fill the SMs they are made narrower, down to this share of `nsPerK`; absent: never. */
  narrowestShare: POSITIVE.max(1).optional(),
  /** Bytes of an operand's element, and of the result's. */
  operandBytes: POSITIVE,
  resultBytes: POSITIVE,
  memoryGBps: POSITIVE,
  ...PROVENANCE,
});

/** Attention: floating-point operations over the rate of the SMs, or bytes where memory binds. */
const FLOPS_SCHEMA = z.strictObject({
  model: z.literal('flops'),
  floorNs: NOT_NEGATIVE,
  tflopsPerSm: POSITIVE,
  memoryGBps: POSITIVE,
  ...PROVENANCE,
});

/** Whatever memory binds: a floor, and bytes read and written over a rate. */
const MEMORY_SCHEMA = z.strictObject({
  model: z.literal('memory'),
  floorNs: NOT_NEGATIVE,
  GBps: POSITIVE,
  ...PROVENANCE,
});

export const KERNEL_RATE_SCHEMA = z.discriminatedUnion(
  'model',
  [TILE_SCHEMA, FLOPS_SCHEMA, MEMORY_SCHEMA],
  'give tile, flops or memory',
);

/** The rate of a kind of kernel: a curve over its shape, by one of three models. */
export type KernelRate = Readonly<z.infer<typeof KERNEL_RATE_SCHEMA>>;
export type TileRate = Readonly<z.infer<typeof TILE_SCHEMA>>;
export type FlopsRate = Readonly<z.infer<typeof FLOPS_SCHEMA>>;
export type MemoryRate = Readonly<z.infer<typeof MEMORY_SCHEMA>>;
