import { ERAS } from '@epemu/presets';
import * as z from 'zod';

/**
 * How far an emulated figure may be off. percent: of the published one, or `orUs` µs where that is more; points: of
 * two shares in %; exact: not at all.
 */
const TOLERANCE_SCHEMA = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('percent'),
    value: z.number().positive(),
    orUs: z.number().positive().optional(),
  }),
  z.strictObject({ kind: z.literal('points'), value: z.number().positive() }),
  z.strictObject({ kind: z.literal('exact') }),
]);

/** Parts of a configuration that decide whether a figure applies to it. */
export const ASPECTS = ['machine', 'network', 'model', 'schedule', 'work', 'ranks', 'layers', 'routing'] as const;

/** Names one value of a figure that has several; the n-th measure is of the n-th value. */
const PART = { part: z.string().min(1).optional() };

/** A figure of a run, see run-figures.ts. */
const RUN_MEASURE_SCHEMA = z.strictObject({
  by: z.literal('run'),
  ...PART,
  /** Key of `runs`: the run under the published conditions. */
  run: z.string(),
  figure: z.string(),
  phase: z.string().optional(),
  label: z.string().optional(),
  categories: z.array(z.string()).optional(),
  stream: z.int().positive().optional(),
  /** What a run may have otherwise, and the figure still applies: it does not depend on it. */
  free: z.array(z.enum(ASPECTS)).default([]),
});

/** A dispatch and a combine alone, as `epemu collective` times them. */
const COLLECTIVE_MEASURE_SCHEMA = z.strictObject({
  by: z.literal('collective'),
  ...PART,
  mode: z.enum(['normal', 'low-latency']),
  era: z.enum(ERAS),
  ranks: z.int().positive(),
  /** Tokens a rank; absent: as many as DeepEP's test of the mode has. */
  tokens: z.int().positive().optional(),
  of: z.enum(['dispatch', 'combine', 'both', 'routing']),
  figure: z.enum(['us', 'gbps', 'bytes', 'nodesPerToken']),
});

/** A kernel alone, by the cost model. */
const KERNEL_MEASURE_SCHEMA = z.strictObject({
  by: z.literal('kernel'),
  ...PART,
  /** Built-in scenario whose kernel lists have it, the list, and the kernel's label. */
  scenario: z.string(),
  list: z.string(),
  kernel: z.string(),
  sms: z.int().positive(),
  tokens: z.int().nonnegative(),
  /** (query, key) pairs of attention. */
  pairs: z.number().nonnegative().default(0),
  rowsOfExperts: z.array(z.int().positive()).default([]),
  in: z.enum(['us', 'tflops']),
});

const MEASURE_SCHEMA = z.discriminatedUnion('by', [
  RUN_MEASURE_SCHEMA,
  COLLECTIVE_MEASURE_SCHEMA,
  KERNEL_MEASURE_SCHEMA,
]);

const FIGURE_SCHEMA = z.strictObject({
  id: z.string().min(1),
  group: z.string(),
  what: z.string().min(1),
  value: z.union([
    z.number(),
    z.string(),
    z.array(z.number()).min(1),
    z.array(z.string()).min(1),
    z.record(z.string(), z.unknown()),
  ]),
  unit: z.string(),
  conditions: z.string(),
  source: z.string().min(1),
  /** solid: printed in a primary source; read: digitised from a chart; medium: third party; derived. */
  quality: z.enum(['solid', 'read', 'medium', 'derived']),
  /**
   * fitted: constants were chosen by it; held-out: predicted, no constant was; consistency: described and compared,
   * binds nothing; context: not emulated.
   */
  use: z.enum(['fitted', 'held-out', 'consistency', 'context']),
  tolerance: TOLERANCE_SCHEMA.optional(),
  measures: z.array(MEASURE_SCHEMA).min(1).optional(),
  /** What is known to set the emulated figure apart from the published one. */
  differences: z.string().min(1).optional(),
});

const GROUP_SCHEMA = z.strictObject({
  name: z.string().min(1),
  title: z.string().min(1),
  /** Which of the group's figures were fitted, which were held out, and why. */
  split: z.string().min(1),
});

const RUN_SCHEMA = z.strictObject({
  scenario: z.string(),
  flags: z.record(z.string(), z.unknown()).default({}),
});

export const DATA_SCHEMA = z.strictObject({
  groups: z.array(GROUP_SCHEMA).min(1),
  runs: z.record(z.string(), RUN_SCHEMA),
  figures: z.array(FIGURE_SCHEMA).min(1),
});

/** Published figures, in groups, and the runs that figures of runs are compared with. */
export type PublishedData = Readonly<z.output<typeof DATA_SCHEMA>>;
export type PublishedFigure = Readonly<z.output<typeof FIGURE_SCHEMA>>;
export type FigureGroup = Readonly<z.output<typeof GROUP_SCHEMA>>;
export type FigureUse = PublishedFigure['use'];
export type Tolerance = Readonly<z.output<typeof TOLERANCE_SCHEMA>>;
export type Aspect = (typeof ASPECTS)[number];
export type Measure = Readonly<z.output<typeof MEASURE_SCHEMA>>;
export type RunMeasure = Readonly<z.output<typeof RUN_MEASURE_SCHEMA>>;
export type CollectiveMeasure = Readonly<z.output<typeof COLLECTIVE_MEASURE_SCHEMA>>;
export type KernelMeasure = Readonly<z.output<typeof KERNEL_MEASURE_SCHEMA>>;
