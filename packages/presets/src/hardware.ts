import { BadInputError } from '@epemu/core';
import { z } from 'zod';
import { parsePreset } from './check.js';

const POSITIVE = z.number('give a positive number').positive('give a positive number');
const NANOSECONDS = z.int('give whole nanoseconds').nonnegative('give 0 or more nanoseconds');
const SOURCE = z.string().min(1);
const DIMENSIONS = z.tuple([z.int().positive(), z.int().positive(), z.int().positive()]);

const PORT_SCHEMA = z.strictObject({
  /** The most it carries, one direction; 1 GB/s is 1 byte a ns. */
  bandwidthGBps: POSITIVE,
  /** From a byte's leaving the out-port to its arrival at the in-port. */
  latencyNs: NANOSECONDS,
});

const TRANSFER_RATE_SCHEMA = z.strictObject({
  /** Wire bytes over transfer time, with `sms` SMs on it. */
  rdmaGBps: POSITIVE,
  nvlinkGBps: POSITIVE,
  /** SMs of the transfer kernel when measured; 0 where none is held, and the rate does not follow SMs. */
  sms: z.int().nonnegative(),
  /** Time that each message takes beyond its bytes. */
  perMessageNs: NANOSECONDS.optional(),
  source: SOURCE,
});

const KERNEL_COST_SCHEMA = z.strictObject({
  /** Solo duration, µs, at `at` units of work on `sms` SMs. */
  us: POSITIVE,
  /** Compute-bound kernels slow down with fewer SMs; the others do not. */
  bound: z.enum(['compute', 'memory', 'fixed']),
  /** What the duration is proportional to. */
  work: z.enum(['fixed', 'tokens', 'expertRows', 'receivedTokens', 'attention']),
  /** Units of work at which `us` holds: tokens, rows, or causal (query, key) pairs. */
  at: POSITIVE,
  sms: z.int().positive(),
  source: SOURCE,
  /** solid: measured in a primary source; medium: read by a third party; derived: by the arithmetic in `source`. */
  quality: z.enum(['solid', 'medium', 'derived']),
});

const PHASE_KERNEL_SCHEMA = z.strictObject({
  /** As it stands in traces. */
  name: z.string().min(1),
  class: z.enum(['compute', 'communication']),
  category: z.string().min(1),
  grid: DIMENSIONS,
  block: DIMENSIONS,
  /** Key in `kernels`. */
  cost: z.string().min(1),
  /** Stream, where it is not the phase's own. */
  stream: z.int().positive().optional(),
  /** Index, within the phase, of an earlier kernel on the other stream whose end this one waits for. */
  after: z.int().nonnegative().optional(),
  /** What the kernel does beyond taking its time: the synchronisation or the transfer of a collective. */
  role: z.enum(['notify', 'transfer']).optional(),
});

const HARDWARE_SCHEMA = z.strictObject({
  name: z.string().min(1),
  description: z.string().optional(),
  gpu: z.strictObject({
    name: z.string().min(1),
    sms: z.int().positive(),
    /** As a profiler writes them into `deviceProperties`. */
    deviceProperties: z.record(z.string(), z.union([z.string(), z.number()])),
  }),
  /** GPUs that share NVLink. */
  nodeSize: z.int().positive(),
  ports: z.strictObject({ rdma: PORT_SCHEMA, nvlink: PORT_SCHEMA }),
  /** Between the end of a kernel and the start of what waits for it, next kernels on a stream included. */
  kernelGapNs: NANOSECONDS,
  /** Beyond the usual gap, from the end of a notify that is not cached (the CPU polls its counts) to its transfer. */
  notifyHostLagNs: NANOSECONDS,
  jitter: z.strictObject({
    /** Of a phase's duration around its mean at the same work. */
    phaseRelativeStandardDeviation: z.number().min(0).max(0.5),
  }),
  /** Where the values outside `transferRates` and `kernels` come from, by key. */
  sources: z.record(z.string(), SOURCE),
  /** By rate kind: `dispatch`, `cachedDispatch`, `combine`, `lowLatencyDispatch`, `lowLatencyCombine`, `pipeline`. */
  transferRates: z.record(z.string(), TRANSFER_RATE_SCHEMA),
  /** By cost key. A kernel's constant stands here once; phases of every scenario refer to it. */
  kernels: z.record(z.string(), KERNEL_COST_SCHEMA),
  /** Kernels of each phase in launch order. */
  phases: z.record(z.string(), z.array(PHASE_KERNEL_SCHEMA).min(1)),
});

export type KernelCost = Readonly<z.infer<typeof KERNEL_COST_SCHEMA>>;
export type PhaseKernel = Readonly<z.infer<typeof PHASE_KERNEL_SCHEMA>>;
export type TransferRate = Readonly<z.infer<typeof TRANSFER_RATE_SCHEMA>>;
/** A modelled machine: every constant that virtual time depends on, each with its source. */
export type HardwarePreset = Readonly<z.infer<typeof HARDWARE_SCHEMA>>;

/**
 * Checks a hardware preset: types, positive rates, and that phases refer to costs and kernels that are there.
 * @param file where it comes from, for messages.
 * @throws BadInputError naming file and key.
 */
export function parseHardware(json: unknown, file: string): HardwarePreset {
  const hardware = parsePreset(HARDWARE_SCHEMA, json, file);
  for (const [phase, kernels] of Object.entries(hardware.phases)) {
    kernels.forEach((kernel, index) => {
      const key = `phases.${phase}.${index}`;
      if (!Object.hasOwn(hardware.kernels, kernel.cost)) {
        const message = `in the preset ${file}, ${key}.cost is ${kernel.cost}, which its kernels lack; add it there`;
        throw new BadInputError(`${key}.cost`, message);
      }
      if (kernel.after !== undefined && kernel.after >= index) {
        const message = `in the preset ${file}, ${key}.after is ${kernel.after}; it must be less than ${index}`;
        throw new BadInputError(`${key}.after`, message);
      }
    });
  }
  return hardware;
}
