import * as z from 'zod';
import { RATE, SHARE, TIME_NS } from './bounds.js';
import { BASIS, SOURCE } from './kernel-rate.js';

/** Generations of the collectives' kernels, oldest first: DeepEP of February, April, June and September 2025. */
export const ERAS = ['feb25', 'apr25', 'jun25', 'sep25'] as const;
export type Era = (typeof ERAS)[number];

const LINK_SCHEMA = z.strictObject({
  /** What share of the port's bandwidth bytes of this transfer get, at either end. */
  efficiency: SHARE.default(1),
  /** What one communication SM pushes of this link's bytes, where that is what is known, and not its copies. */
  GBpsPerSm: RATE.optional(),
  /** What passes before the first byte, and after the last, of a transfer that takes this link. */
  startNs: TIME_NS.default(0),
  /** What each message (low-latency: a row) takes of the port beyond its bytes. */
  perMessageNs: TIME_NS.default(0),
  /** What each peer takes of the out-port beyond its messages. */
  perPeerNs: TIME_NS.default(0),
});

/**
 * What a transfer kernel's SMs push. Their work is copies, not bytes on the wire: a row goes to each node that has an
 * expert of its token, and there to each rank; the own node and the own rank are copied to as well.
 */
const SM_SCHEMA = z.strictObject({
  /** Bytes a ns that one SM copies to ranks, or adds of what ranks send; absent where links alone limit these. */
  rankCopyGBps: RATE.optional(),
  /** Bytes a ns that one SM copies to nodes; absent where the kernel has no such step. */
  nodeCopyGBps: RATE.optional(),
  /**
   * Bytes a ns that the copies to nodes of all SMs together are given by what they queue at, the own node's too, and that more SMs
   * do not make more.
   */
  sharedNodeGBps: RATE.optional(),
  /** Bytes a ns of each token's row that one SM reads or writes once, however many copies there are. */
  tokenGBps: RATE.optional(),
  /** What each token takes of one SM whatever its bytes: looking where it goes. */
  perTokenNs: TIME_NS.default(0),
  /** What each copy takes of one SM beyond its bytes. */
  perCopyNs: TIME_NS.default(0),
  /** Bytes a ns that the copies of all SMs together get of what they share, for which each waits: memory and switches. */
  sharedGBps: RATE.optional(),
});

export const TRANSFER_SCHEMA = z.strictObject({
  /**
   * The link of each hop, by names of `ports`. Normal mode has two: a dispatch goes to the other nodes and then inside
   * them, a combine back. Low latency has one for all peers; or the second takes those of the own node, at the same time.
   */
  hops: z.array(z.string().min(1)).min(1).max(2),
  /** By the link of a hop. */
  links: z.record(z.string(), LINK_SCHEMA),
  /** What passes before the first byte, and after the last: barriers, rings that fill and drain. */
  startNs: TIME_NS.default(0),
  /** What each expert of the model adds to that: a counter to write, to send and to wait for. */
  perExpertNs: TIME_NS.default(0),
  /** Absent where ports alone bind. */
  sm: SM_SCHEMA.optional(),
  basis: BASIS,
  source: SOURCE,
});

export type LinkRates = Readonly<z.infer<typeof LINK_SCHEMA>>;
export type SmRates = Readonly<z.infer<typeof SM_SCHEMA>>;
export type TransferRate = Readonly<z.infer<typeof TRANSFER_SCHEMA>>;
