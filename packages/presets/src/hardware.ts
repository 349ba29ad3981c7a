import { BadInputError } from '@epemu/core';
import * as z from 'zod';
import { COUNT, RATE, SHARE, WHOLE_NS, numberFrom } from './bounds.js';
import { checkLinks } from './check-links.js';
import { parsePreset } from './check.js';
import { DATA_SHEET_SCHEMA } from './data-sheet.js';
import { BASIS, KERNEL_RATE_SCHEMA, SOURCE } from './kernel-rate.js';
import { at } from './place.js';
import type { Place } from './place.js';
import { PORTS_SCHEMA } from './port.js';
import { NO_SHARING, SHARING_SCHEMA } from './sharing.js';
import { ERAS, TRANSFER_SCHEMA } from './transfer-rate.js';
import { HARDWARE_PRESET_VERSION } from './version.js';

const HARDWARE_SCHEMA = z.strictObject({
  version: HARDWARE_PRESET_VERSION,
  name: z.string().min(1),
  description: z.string().optional(),
  gpu: z.strictObject({
    name: z.string().min(1),
    sms: COUNT,
    /** As a profiler writes them into `deviceProperties`. */
    deviceProperties: z.record(z.string(), z.union([z.string(), z.number()])),
  }),
  /** What presets derived from this one are scaled by. */
  dataSheet: DATA_SHEET_SCHEMA.optional(),
  /** Memory of a GPU as the device reports it, GB of 10⁹ bytes; absent: nothing is said of what fits. */
  memoryGB: RATE.optional(),
  /** GPUs that share NVLink. */
  nodeSize: COUNT,
  /** Generation of the collectives' kernels where a run names none. */
  defaultEra: z.enum(ERAS),
  /** Links by name; a hop of a transfer takes one of them. */
  ports: PORTS_SCHEMA,
  /** Between the end of a kernel and the start of what waits for it, next kernels on a stream included. */
  kernelGapNs: WHOLE_NS,
  host: z.strictObject({
    /** What the CPU needs to launch one kernel in training, framework and gradients included. */
    kernelLaunchNs: WHOLE_NS,
    /** The same in inference, kernel by kernel and without gradients; absent: kernelLaunchNs. */
    eagerLaunchNs: WHOLE_NS.optional(),
    /** What each kernel of a module takes the CPU where tables of a serving framework time it eagerly; no run does. */
    moduleLaunchNs: WHOLE_NS.optional(),
    /** Between the end of a kernel of a captured graph and the start of the next; absent: kernelGapNs. */
    graphGapNs: WHOLE_NS.optional(),
    /** From a launch to the earliest start of its kernel. */
    launchLatencyNs: WHOLE_NS,
    /** From the end of a notify that is not cached, whose counts the CPU polls, to the CPU's going on. */
    notifyPollNs: WHOLE_NS,
  }),
  jitter: z.strictObject({
    /** Of a phase's duration around its mean at the same work. */
    phaseRelativeStandardDeviation: numberFrom(0, 0.5),
  }),
  /**
   * What share of its full rate a memory-bound kernel has with how many SMs: points [SMs, share], ascending, linear
   * between them and from [0, 0] to the first; 1 beyond the last.
   */
  memoryShare: z.array(z.tuple([RATE, SHARE])).min(1, 'give a point'),
  /** How kernels and transfers that run at the same time share the GPU; absent: not at all. */
  sharing: SHARING_SCHEMA.default(NO_SHARING),
  /** Where the values outside `kernels` and `transfers` come from, by key, and what they rest on. */
  sources: z.record(z.string(), SOURCE),
  bases: z.record(z.string(), BASIS).default({}),
  /** By kind of kernel, such as `gemm-fp8`. A kind's constants stand here once; every scenario refers to them. */
  kernels: z.record(z.string(), KERNEL_RATE_SCHEMA),
  /** By era and kind of transfer; an era has what it does not restate from the one before. */
  transfers: z.partialRecord(z.enum(ERAS), z.record(z.string(), TRANSFER_SCHEMA)),
});

/** A modelled machine: every constant that virtual time depends on, each with its source. */
export type HardwarePreset = Readonly<z.infer<typeof HARDWARE_SCHEMA>>;

/**
 * Checks a complete hardware preset: types, positive rates, ascending points, links that transfers and their rates name.
 * @throws BadInputError naming file, line and key.
 */
export function checkHardware(json: unknown, place: Place): HardwarePreset {
  const hardware = parsePreset(HARDWARE_SCHEMA, json, place);
  hardware.memoryShare.forEach(([sms], index) => {
    const before = hardware.memoryShare[index - 1]?.[0] ?? 0;
    if (sms > before) return;
    const path = ['memoryShare', index];
    const key = path.join('.');
    throw new BadInputError(
      key,
      `in the preset ${at(place, path)}${key} has ${sms} SMs; points ascend, so give over ${before}`,
    );
  });
  checkLinks(hardware, place);
  return hardware;
}
