import * as z from 'zod';
import { COLLECTIVE_ROLES, KERNEL_CLASSES } from '@epemu/timeline';

/** µs: no negative time, and none of more than 30 years, of which sums would be no numbers. */
const TIME_US = z.number().min(0).max(1e15);
/** A little above 100 is rounding. */
const SHARE_PCT = z.number().min(-0.001).max(100.001);
const SUMMARY = z.object({
  ...{ spanUs: TIME_US, rankSpanUs: TIME_US },
  layerUs: z.object({ mean: TIME_US, min: TIME_US, max: TIME_US }),
  ...{ computeUs: TIME_US, commUs: TIME_US, idleUs: TIME_US },
  ...{ computeBusyPct: SHARE_PCT, commBusyPct: SHARE_PCT, idlePct: SHARE_PCT, overlapPct: SHARE_PCT },
  ...{ exposedCommUs: TIME_US, exposedCommPct: SHARE_PCT, exposedCommPctOfComm: SHARE_PCT },
  ...{ serialUs: TIME_US, overlapGain: z.number().min(0).max(1e6) },
});
const TIMELINE = SUMMARY.extend({ kernelsOnly: SUMMARY });

const PHASE = z.object({
  ...{ name: z.string(), stream: z.number().nullable(), count: z.number().nonnegative() },
  kind: z.enum(['computation', 'communication', 'network']),
  ...{ meanUs: TIME_US, minUs: TIME_US, maxUs: TIME_US, busyUs: TIME_US, exposedUs: TIME_US },
});

/** What a GPU holds; reports of before have none. */
const MEMORY = z.object({
  fits: z.boolean().nullable(),
  gigabytes: z.record(z.string(), z.number().min(0).max(1e9).nullable()),
  kvPrecision: z.string().optional(),
});

/** Of the whole model. */
const THROUGHPUT = z.object({
  ...{ tokensPerSecondPerGpu: z.number().min(0).max(1e12), stepMs: z.number().min(0).max(1e12) },
  tpotMs: z.number().min(0).max(1e12).optional(),
});

/** What a comparison takes from a `report.json`; anything else in it may be as it likes. */
export const REPORT_SCHEMA = z.object({
  ...{ scenario: z.string(), ranks: z.int().positive(), status: z.enum(['ok', 'failed']) },
  error: z.string().optional(),
  ...{ timeline: TIMELINE.nullable(), steady: TIMELINE.nullable() },
  memory: MEMORY.optional(),
  throughput: THROUGHPUT.nullish(),
  phases: z.array(PHASE),
  kernels: z.array(
    z.object({
      ...{ phase: z.string(), kernel: z.string(), count: z.number().nonnegative(), meanUs: TIME_US },
      // Reports of the first version do not say these.
      class: z.enum(KERNEL_CLASSES).optional(),
      category: z.string().optional(),
      collectiveRole: z.enum(COLLECTIVE_ROLES).nullable().optional(),
    }),
  ),
  ranksSummary: z.array(z.object({ rank: z.int().nonnegative() })),
});

/** What a comparison takes from what `analyze --json` printed. */
export const ANALYSIS_SCHEMA = z.object({
  source: z.enum(['emulated', 'captured']),
  partial: z.boolean(),
  scenario: z.string().nullable(),
  ranks: z.int().positive(),
  worldSize: z.number().nullable(),
  gpu: z.string().nullable(),
  phasesInferred: z.boolean(),
  timeline: TIMELINE,
  steady: TIMELINE.nullable(),
  layers: z.object({ marker: z.string().nullable(), count: z.int().nonnegative() }),
  phases: z.array(PHASE),
  kernelNames: z.array(
    z.object({
      ...{ name: z.string(), class: z.enum(KERNEL_CLASSES), category: z.string() },
      ...{ count: z.number().nonnegative(), totalUs: TIME_US },
    }),
  ),
  ranksSummary: z.array(z.object({ rank: z.int().nonnegative() })),
});

export type ComparedMemory = Readonly<z.infer<typeof MEMORY>>;
export type ComparedThroughput = Readonly<z.infer<typeof THROUGHPUT>>;
export type ReadReport = z.infer<typeof REPORT_SCHEMA>;
