import * as z from 'zod';
import { WHOLE_NS, numberFrom } from './bounds.js';

/**
 * A link that bytes queue on: each of its owners has an out-port and an in-port of it, which serve one segment at a
 * time.
 */
export const PORT_SCHEMA = z.strictObject({
  /** Who has one: each rank. */
  owner: z.literal('rank', 'give rank: links that several ranks share are not emulated').default('rank'),
  /** How far it leads: to the GPUs of the own node, or to all. */
  reach: z.enum(['node', 'cluster']).default('cluster'),
  /** Nominal, one direction; 1 GB/s is 1 byte a ns. Transfers get the share of it that their `efficiency` says. */
  bandwidthGBps: numberFrom(1e-3, 1e6),
  /** From a byte's leaving the out-port to its arrival at the in-port. */
  latencyNs: WHOLE_NS,
});

/** The links of a machine by name, in the order in which ports are numbered. */
export const PORTS_SCHEMA = z.record(z.string().min(1), PORT_SCHEMA);

export type LinkPort = Readonly<z.infer<typeof PORT_SCHEMA>>;
export type LinkPorts = Readonly<Record<string, LinkPort>>;
