import { z } from 'zod';
import { RATE, SHARE, TIME_NS } from './bounds.js';
import { BASIS, SOURCE } from './kernel-rate.js';

/** Generations of the collectives' kernels, oldest first: DeepEP of February, April and June 2025. */
export const ERAS = ['feb25', 'apr25', 'jun25'] as const;
export type Era = (typeof ERAS)[number];

const LINK_SCHEMA = z.strictObject({
  /** What one communication SM pushes; absent: no SM is held, and the port alone binds. */
  GBpsPerSm: RATE.optional(),
  /** What each message (low-latency: a row) takes of the port beyond its bytes. */
  perMessageNs: TIME_NS.default(0),
  /** What each peer takes of the out-port beyond its messages. */
  perPeerNs: TIME_NS.default(0),
});

export const TRANSFER_SCHEMA = z.strictObject({
  /**
   * The link of each hop, by names of `ports`. Normal mode has two: a dispatch goes to the other nodes and then inside
   * them, a combine back. Low latency has one for all peers; or the second takes those of the own node, at the same time.
   */
  hops: z.array(z.string().min(1)).min(1).max(2),
  /** By the link of a hop. */
  links: z.record(z.string(), LINK_SCHEMA),
  /** What is left of the SMs' push while a compute phase runs beside the transfer. */
  besideCompute: SHARE.default(1),
  basis: BASIS,
  source: SOURCE,
});

export type LinkRates = Readonly<z.infer<typeof LINK_SCHEMA>>;
export type TransferRate = Readonly<z.infer<typeof TRANSFER_SCHEMA>>;
