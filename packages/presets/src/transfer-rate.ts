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
  rdma: LINK_SCHEMA,
  /** Absent in low-latency kernels that use RDMA inside a node too. */
  nvlink: LINK_SCHEMA.optional(),
  /** What is left of the SMs' push while a compute phase runs beside the transfer. */
  besideCompute: SHARE.default(1),
  basis: BASIS,
  source: SOURCE,
});

export type LinkRates = Readonly<z.infer<typeof LINK_SCHEMA>>;
export type TransferRate = Readonly<z.infer<typeof TRANSFER_SCHEMA>>;
