import { z } from 'zod';
import { KERNEL_CLASSES } from '../kernel-role.js';

const SUMMARY = z.object({
  ...{ spanUs: z.number(), rankSpanUs: z.number() },
  layerUs: z.object({ mean: z.number(), min: z.number(), max: z.number() }),
  ...{ computeUs: z.number(), commUs: z.number(), idleUs: z.number() },
  ...{ computeBusyPct: z.number(), commBusyPct: z.number(), idlePct: z.number(), overlapPct: z.number() },
  ...{ exposedCommUs: z.number(), exposedCommPct: z.number(), exposedCommPctOfComm: z.number() },
  ...{ serialUs: z.number(), overlapGain: z.number() },
});
const TIMELINE = SUMMARY.extend({ kernelsOnly: SUMMARY });

const PHASE = z.object({
  ...{ name: z.string(), stream: z.number().nullable(), count: z.number().nonnegative() },
  kind: z.enum(['computation', 'communication', 'network']),
  ...{ meanUs: z.number(), minUs: z.number(), maxUs: z.number(), busyUs: z.number(), exposedUs: z.number() },
});

/** What a comparison takes from a `report.json`; anything else in it may be as it likes. */
export const REPORT_SCHEMA = z.object({
  ...{ scenario: z.string(), ranks: z.int().positive(), status: z.enum(['ok', 'failed']) },
  error: z.string().optional(),
  ...{ timeline: TIMELINE.nullable(), steady: TIMELINE.nullable() },
  phases: z.array(PHASE),
  kernels: z.array(
    z.object({ phase: z.string(), kernel: z.string(), count: z.number().nonnegative(), meanUs: z.number() }),
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
      ...{ count: z.number().nonnegative(), totalUs: z.number() },
    }),
  ),
  ranksSummary: z.array(z.object({ rank: z.int().nonnegative() })),
});

export type ReadReport = z.infer<typeof REPORT_SCHEMA>;
