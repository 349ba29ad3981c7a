import { TOKEN_ACTIONS } from '@epemu/kernels';
import { PIPELINE_SCHEDULES } from '@epemu/pipelines';
import { ERAS } from '@epemu/presets';
import { EPLB_POLICIES, ROUTING_KINDS, SKEW_LAWS } from '@epemu/routing';
import * as z from 'zod';

/** Ranks as `0-3`, `0-3,8` or a list. */
const RANKS_TEXT = 'it must be ranks such as 0-3, 0-3,8 or [0, 1]';
const RANKS_SCHEMA = z.union(
  [z.string().regex(/^\d+(-\d+)?(,\d+(-\d+)?)*$/, RANKS_TEXT), z.int().nonnegative(), z.array(z.int().nonnegative())],
  RANKS_TEXT,
);

/** What values of a KV cache may be stored as. */
const KV_PRECISIONS = ['fp8', 'bf16'] as const;
export type KvPrecision = (typeof KV_PRECISIONS)[number];

/** A phase of a schedule template; see docs/scenarios.md for the format with an example. */
export const PHASE_SCHEMA = z.strictObject({
  name: z.string().min(1),
  kind: z.enum(['compute', 'collective', 'issue', 'wait']).default('compute'),
  /** Key in the template's `streams`. */
  stream: z.string(),
  /** The phase's step is row + lag: its layer for inference, its cell for training. `"-layers"` runs it a chunk later. */
  lag: z.union([z.int(), z.literal('-layers')], 'it must be a whole number or "-layers"').default(0),
  /** The micro-batch it works on: its number, or its place in a pass where the schedule has `passes`. */
  microBatch: z.int().nonnegative().default(0),
  direction: z.enum(['forward', 'backward']).default('forward'),
  /** Name of the list of its kernels; see docs/kernels.md. */
  kernels: z.string(),
  /** The same in a dense layer; absent: dense layers skip the phase. */
  denseKernels: z.string().optional(),
  /** What a compute phase does to the tokens of an MoE layer; absent: what its built-in list of kernels stands for. */
  tokens: z.array(z.enum(TOKEN_ACTIONS)).optional(),
  /** `first`, `last`: only in the row of the first, or the last, of the rank's layers. */
  rows: z.enum(['all', 'first', 'last']).default('all'),
  /** Names of the roles that have it; absent: all. */
  roles: z.array(z.string()).min(1).optional(),
  /** Present only when this switch of the configuration is on. */
  when: z.literal('pipelineCommunication').optional(),
  collective: z
    .strictObject({
      /** `send`, `receive`: the output of a role's last layer goes to the role that has the next. */
      type: z.enum(['dispatch', 'combine', 'send', 'receive']),
      mode: z.enum(['normal', 'low-latency', 'pipeline']),
      cached: z.boolean().default(false),
      rateKind: z.string(),
    })
    .optional(),
  /** For a wait: the name of the issue phase of the same step. */
  issue: z.string().optional(),
  /** Gates: names of phases of the same step, or `name@-1` for the step before. */
  after: z.array(z.string()).default([]),
});

/** Streams, phases in launch order and gates of one row (a layer, or a cell of training). */
export const SCHEDULE_SCHEMA = z.strictObject({
  layerMarker: z.string(),
  /** Micro-batches of a step. */
  microBatches: z.int().min(1).max(4096),
  /**
   * A step's passes over the layers, in launch order, each a list of the micro-batches that phases of `microBatch` 0, 1, …
   * work on in it; null: these phases pause. Absent: one pass, in which every micro-batch has the phases of its number.
   */
  passes: z.array(z.array(z.int().nonnegative().nullable()).min(1)).min(1).max(4096).optional(),
  /** `eager`: the CPU launches kernel by kernel; `graph`: a captured graph, which the CPU does not hold up. */
  launch: z.enum(['eager', 'graph']).default('eager'),
  /** SMs of compute phases. Scenarios may say `rest`, what communication leaves of the GPU, or `all`. */
  computeSms: z.int().positive(),
  communicationSms: z.int().nonnegative(),
  streams: z.record(z.string(), z.strictObject({ id: z.int().positive(), name: z.string() })),
  /** Rows that run before the recorded ones, so that the recorded ones start in a running step. */
  warmUpRows: z.int().min(0).max(1).default(0),
  phases: z.array(PHASE_SCHEMA).min(1),
});

/** A failure to inject, at a rank's n-th operation: never by host time. */
const FAULT_SCHEMA = z.strictObject({
  rank: z.int().nonnegative(),
  operation: z.int().nonnegative(),
  kind: z.enum(['kill', 'stop']),
});

/** How many times as long, from when on and for how long. */
const SLOWNESS = {
  factor: z.number().min(0.1).max(1000),
  fromUs: z.number().min(0).max(1e12).optional(),
  forUs: z.number().min(0).max(1e12).optional(),
};
/** Share of a bandwidth that is left. */
const SHARE_LEFT = z.number().min(0.001).max(1);

/** How unequal the loads of skewed routing are; see `Skew` of `@epemu/routing`. */
const SKEW_SCHEMA = z.strictObject({
  law: z.enum(SKEW_LAWS),
  exponent: z.number().min(0).max(8),
  range: z.number().min(1).max(1e9),
  hotLayer: z.int().nonnegative().nullable(),
  hotExponent: z.number().min(0).max(8),
  drift: z.number().min(0).max(1),
});

/**
 * Version of the configuration's format. 1 had neither steps, passes, roles nor groups, whose defaults are what it meant;
 * files without a version are of it.
 */
export const CONFIGURATION_VERSION = 2;

/** Every key of a run's configuration. Presets are inlined, so that the file repeats the run by itself. */
export const CONFIGURATION_SCHEMA = z.strictObject({
  version: z.literal(CONFIGURATION_VERSION).default(CONFIGURATION_VERSION),
  scenario: z.string().min(1),
  family: z.enum(['training', 'inference']),
  ranks: z.int().min(1).max(4096),
  layers: z.int().min(1).max(1024),
  /** How often all micro-batches go through all layers, one step after the other; decode's KV grows by a token a step. */
  steps: z.int().min(1).max(65_536).default(1),
  /** What kinds of ranks there are; absent: all do the same. */
  roles: z
    .record(
      z.string(),
      z.strictObject({
        ranks: RANKS_SCHEMA,
        /** First and last layer, `0-3`; absent: all. */
        layers: z
          .string()
          .regex(/^\d+(-\d+)?$/, 'it must be layers such as 0-3')
          .optional(),
        /** Key in `groups`; absent: the role's ranks are a group of their own. */
        group: z.string().optional(),
      }),
    )
    .optional(),
  /**
   * A pipeline over groups of ranks: stages of as many layers, worked on in a published order. Its roles follow from it, and its
   * phases of `microBatch` 0 go forward, those of 1 backward, and those of 2 are the backward for weights.
   */
  pipeline: z
    .strictObject({
      schedule: z.enum(PIPELINE_SCHEDULES),
      /** Groups that the ranks are shared out to, in order. */
      ranks: z.int().min(2).max(1024),
      /** Stages of a rank in interleaved-1f1b. */
      chunks: z.int().min(1).max(64).default(1),
    })
    .optional(),
  /** Ranks that dispatch and combine among themselves, and which of them hold experts (absent: all). */
  groups: z.record(z.string(), z.strictObject({ ranks: RANKS_SCHEMA, experts: RANKS_SCHEMA.optional() })).optional(),
  seed: z.int().min(0).max(Number.MAX_SAFE_INTEGER),
  routing: z.enum(ROUTING_KINDS),
  /** Of `biased`: standard deviation of an expert's constant on its sigmoid score; absent: 0.009. */
  biasDeviation: z.number().min(0).max(1).optional(),
  /** Of `skewed`. */
  routingSkew: SKEW_SCHEMA.optional(),
  /** Of `measured`: counts by layer and expert, and the file that they are from. */
  expertLoads: z
    .strictObject({ source: z.string(), layers: z.array(z.array(z.number().nonnegative())).min(1).max(4096) })
    .optional(),
  /** Whether experts are placed, and replicated, by DeepSeek's EPLB; absent: they are dealt out in order. */
  eplb: z.boolean().optional(),
  /** Of EPLB: replicas beyond one of each expert, over all ranks of a group that hold experts; absent: none. */
  redundantExperts: z.int().min(0).max(65_536).optional(),
  /** Of EPLB: whether expert groups stay on nodes; absent: where the nodes divide them. */
  eplbPolicy: z.enum(EPLB_POLICIES).optional(),
  overlap: z.enum(['full', 'none']),
  tokensPerMicrobatch: z.int().min(1).max(1_048_576).optional(),
  promptLengths: z.array(z.int().min(1).max(1_048_576)).min(1).max(4096).optional(),
  kvLength: z.int().min(1).max(16_777_216),
  /** Tokens of a micro-batch by rank, in the place of `tokensPerMicrobatch`; a rank with none takes part all the same. */
  rankTokens: z.array(z.int().min(0).max(1_048_576)).min(1).max(4096).optional(),
  /** Prompt lengths by rank, in the place of `promptLengths`. */
  rankPrompts: z
    .array(z.array(z.int().min(1).max(1_048_576)).max(4096))
    .min(1)
    .max(4096)
    .optional(),
  /** KV lengths of the requests of each rank, taken in turn, in the place of `kvLength`, and the file they are from. */
  kvLengths: z
    .strictObject({
      source: z.string(),
      ranks: z
        .array(z.array(z.int().min(1).max(16_777_216)).min(1).max(65_536))
        .min(1)
        .max(4096),
    })
    .optional(),
  /** Standard deviation over mean of KV lengths, of log-normal law around `kvLength`; absent: all alike. */
  kvSpread: z.number().min(0).max(10).optional(),
  /** What a value of the KV cache is stored as; it decides what fits, and no time. */
  kvPrecision: z.enum(KV_PRECISIONS).default('fp8'),
  /** Share of a GPU's memory that is left for the framework, its workspaces and fragmentation. */
  reservedMemoryShare: z.number().min(0).max(0.9).default(0.1),
  pipelineCommunication: z.boolean(),
  /** Relative standard deviation of a phase's compute time from rank to rank. */
  jitter: z.number().min(0).max(0.5),
  /** Ranks, and nodes, whose compute takes that many times as long, from a moment of virtual time on, for a while. */
  slowRanks: z.array(z.strictObject({ rank: z.int().nonnegative(), ...SLOWNESS })),
  slowNodes: z.array(z.strictObject({ node: z.int().nonnegative(), ...SLOWNESS })).optional(),
  /** Ranks whose links to other nodes have a share of their bandwidth. */
  slowNics: z.array(z.strictObject({ rank: z.int().nonnegative(), factor: SHARE_LEFT })).optional(),
  /** Pairs of ranks between which bytes have a share of the bandwidth of the ports at both ends. */
  slowLinks: z
    .array(z.strictObject({ ranks: z.tuple([z.int().nonnegative(), z.int().nonnegative()]), factor: SHARE_LEFT }))
    .optional(),
  /** Ranks that start no kernel for a while; what is under way goes on. */
  stalls: z
    .array(
      z.strictObject({
        rank: z.int().nonnegative(),
        atUs: z.number().min(0).max(1e12),
        forUs: z.number().min(0).max(1e12),
      }),
    )
    .optional(),
  /** Beyond `jitter`: the chance of an operation to take longer by Pareto's law, its exponent, and how many times at most. */
  jitterTail: z
    .strictObject({
      chance: z.number().min(0).max(1),
      exponent: z.number().min(0.5).max(100).default(2),
      most: z.number().min(1).max(1000).default(10),
    })
    .optional(),
  faults: z.array(FAULT_SCHEMA),
  payload: z.strictObject({ kind: z.enum(['float32', 'none']), hidden: z.int().min(16).max(7168) }),
  fabric: z.enum(['websocket', 'memory']),
  ranksPerWorker: z.int().min(1).max(4096),
  threads: z.int().min(1).max(1024),
  stallTimeoutSeconds: z.number().min(1).max(86_400),
  /** Rows of the schedule a second of host time that no rank runs ahead of; null: as fast as the host goes. */
  pace: z.number().positive().nullable().default(null),
  /** Names of communication kernels in traces: behind NCCL's, or as DeepSeek's published trace has them. */
  kernelNames: z.enum(['nccl', 'deepep']).default('nccl'),
  /** Whether traces have tracks of what ranks compute, communicate, have exposed and are idle for. */
  tracks: z.enum(['on', 'off']).default('on'),
  /** What the merged trace holds, `layers=2-4,ranks=0-3` or `from=1ms,to=3ms`; absent: all, thinned where that is too much. */
  traceWindow: z.string().max(200).optional(),
  /** Generation of the collectives' kernels: DeepEP of February, April or June 2025. */
  era: z.enum(ERAS),
  schedule: SCHEDULE_SCHEMA,
  /** Kernels of phases, by the name that the schedule has for the list. */
  kernels: z.record(z.string(), z.unknown()),
  model: z.record(z.string(), z.unknown()),
  hardware: z.record(z.string(), z.unknown()),
});

export type PhaseTemplate = z.infer<typeof PHASE_SCHEMA>;
export type ScheduleTemplate = z.infer<typeof SCHEDULE_SCHEMA>;

/** @returns the keys that a mapping of the configuration may have; none where any, or no mapping, is allowed. */
export function keysAt(path: readonly PropertyKey[]): string[] {
  const schema = schemaAt(path);
  return schema instanceof z.ZodObject ? Object.keys(schema.shape) : [];
}

/** @returns the values that a key of the configuration may have; none where they are not listed. */
export function valuesAt(path: readonly PropertyKey[]): string[] {
  const schema = schemaAt(path);
  return schema instanceof z.ZodEnum ? schema.options.map(String) : [];
}

function schemaAt(path: readonly PropertyKey[]): unknown {
  return bare(path.reduce<unknown>(schemaInside, CONFIGURATION_SCHEMA));
}

function schemaInside(outer: unknown, key: PropertyKey): unknown {
  const schema = bare(outer);
  if (schema instanceof z.ZodObject) return (schema.shape as Record<PropertyKey, unknown>)[key];
  if (schema instanceof z.ZodArray) return schema.element;
  return schema instanceof z.ZodRecord ? schema.valueType : undefined;
}

/** Without what makes it optional. */
function bare(schema: unknown): unknown {
  return schema instanceof z.ZodOptional || schema instanceof z.ZodDefault ? bare(schema.unwrap()) : schema;
}
