import { resolveConfiguration } from '@epemu/config';
import type { Configuration } from '@epemu/config';
import { BadInputError } from '@epemu/core';
import { loadHardware, loadModel } from '@epemu/presets';
import type { Era, HardwarePreset, ModelPreset } from '@epemu/presets';

/** What to measure of one dispatch and one combine alone. */
export interface CollectiveOptions {
  readonly mode: 'normal' | 'low-latency';
  /** @default all of `nodes` */
  readonly ranks?: number | undefined;
  /** Whole nodes of the hardware, in place of `ranks` or agreeing with it. */
  readonly nodes?: number | undefined;
  /** Tokens a rank. @default 4096 in normal mode, 128 in low-latency mode, as DeepEP's tests have */
  readonly tokens?: number | undefined;
  /** @default the model's */
  readonly hidden?: number | undefined;
  /** @default the model's */
  readonly topK?: number | undefined;
  /** Experts of the model. @default as many of 256 as divide by the ranks, as DeepEP's tests have, or the model's */
  readonly experts?: number | undefined;
  /** SMs that the transfer kernels hold in normal mode. @default 24, as DeepEP's tests set */
  readonly sms?: number | undefined;
  /** @default the hardware's */
  readonly era?: Era | undefined;
  /** `deepep`: routed as DeepEP's test of the mode does; `model`: as the model's router does. @default deepep */
  readonly router?: 'deepep' | 'model' | undefined;
  /** Preset names or files. @default h800 and deepseek-v3 */
  readonly hardware?: string | undefined;
  readonly model?: string | undefined;
  /** Texts `path=value`, as of `--set`. */
  readonly settings?: readonly string[] | undefined;
  readonly seed?: number | undefined;
  /** Whether times end with the rank that ends last. @default with the mean rank */
  readonly slowest?: boolean | undefined;
}

/** DeepEP's tests use this many experts, or as many below as divide by the ranks. */
const TEST_EXPERTS = 256;
/** DeepEP's normal-mode test: tokens go to at most this many nodes. */
const TEST_TOP_NODES = 4;

const COMMUNICATION = { id: 27, name: 'communication' };
const COMPUTE = { id: 7, name: 'compute' };

/** One dispatch with the layout at hand, as DeepEP's test times it, and one combine. */
const NORMAL_PHASES = [
  {
    name: 'DISPATCH',
    kind: 'collective',
    stream: 'communication',
    kernels: 'CACHED-DISPATCH',
    tokens: ['attend', 'route'],
    collective: { type: 'dispatch', mode: 'normal', cached: true, rateKind: 'cachedDispatch' },
  },
  {
    name: 'COMBINE',
    kind: 'collective',
    stream: 'communication',
    kernels: 'COMBINE',
    tokens: ['experts', 'shared'],
    collective: { type: 'combine', mode: 'normal', cached: true, rateKind: 'combine' },
    after: ['DISPATCH'],
  },
];

/** Send and receive halves, one behind the other. */
const LOW_LATENCY_PHASES = (['DISPATCH', 'COMBINE'] as const).flatMap((name, index) => {
  const collective = {
    type: index === 0 ? 'dispatch' : 'combine',
    mode: 'low-latency',
    cached: index === 1,
    rateKind: index === 0 ? 'lowLatencyDispatch' : 'lowLatencyCombine',
  };
  const half = { stream: 'compute', collective };
  return [
    {
      ...half,
      name: `issue ${name}`,
      kind: 'issue',
      kernels: `issue ${name}`,
      tokens: index === 0 ? ['attend', 'route'] : ['experts', 'shared'],
      after: index === 0 ? [] : ['wait DISPATCH'],
    },
    {
      ...half,
      name: `wait ${name}`,
      kind: 'wait',
      issue: `issue ${name}`,
      kernels: `wait ${name}`,
      after: [`issue ${name}`],
    },
  ];
});

function positive(value: number, field: string): number {
  if (Number.isInteger(value) && value > 0) return value;
  throw new BadInputError(field, `${field} is ${value}, but it must be a positive integer`);
}

/** The model with the experts, groups and widths that the measurement is made with. */
function modelFor(options: CollectiveOptions & { ranks: number }, hardware: HardwarePreset): ModelPreset {
  const { ranks, mode, router = 'deepep' } = options;
  const model = loadModel(options.model ?? 'deepseek-v3');
  const hidden = positive(options.hidden ?? model.hidden, 'hidden');
  const topK = positive(options.topK ?? model.topK, 'topK');
  const scales = Math.ceil(hidden / 128) * 4;
  const sized = {
    ...model,
    ...(options.experts === undefined ? {} : { experts: positive(options.experts, 'experts') }),
    hidden,
    topK,
    bytesPerToken: {
      ...model.bytesPerToken,
      dispatch: hidden + scales,
      // A low-latency row carries a header of 16 bytes.
      lowLatencyDispatch: hidden + scales + 16,
      combine: hidden * 2,
    },
  };
  if (router === 'model') return sized;
  if (options.experts === undefined && ranks > TEST_EXPERTS) {
    throw new BadInputError('ranks', `ranks is ${ranks}, but DeepEP's tests have ${TEST_EXPERTS} experts; use fewer`);
  }
  const experts = options.experts ?? Math.floor(TEST_EXPERTS / ranks) * ranks;
  const nodes = mode === 'normal' ? Math.max(1, Math.ceil(ranks / hardware.nodeSize)) : 1;
  // The groups of DeepEP's test are nodes, scored by their best expert.
  return { ...sized, experts, expertGroups: nodes, topGroups: Math.min(nodes, TEST_TOP_NODES), groupScoreExperts: 1 };
}

function ranksOf({ ranks, nodes }: CollectiveOptions, { nodeSize, name }: HardwarePreset): number {
  if (nodes === undefined) return positive(ranks ?? nodeSize, 'ranks');
  const all = positive(nodes, 'nodes') * nodeSize;
  if (ranks === undefined || ranks === all) return all;
  const fits = `${nodes} ${nodes === 1 ? 'node' : 'nodes'} of ${name} hold ${all}`;
  throw new BadInputError('ranks', `ranks is ${ranks}, but ${fits}; leave one of the two away`);
}

/**
 * @returns the configuration of a run that has one dispatch and one combine, and nothing else.
 * @throws BadInputError naming what cannot be.
 */
export function collectiveConfiguration(options: CollectiveOptions): Configuration {
  const { mode } = options;
  const hardware = loadHardware(options.hardware ?? 'h800');
  const ranks = ranksOf(options, hardware);
  const model = modelFor({ ...options, ranks }, hardware);
  if (mode === 'low-latency' && options.sms !== undefined) {
    throw new BadInputError('sms', `sms is ${options.sms}, but low-latency kernels hold no SMs; leave it away`);
  }
  const sms = mode === 'normal' ? positive(options.sms ?? 24, 'sms') : 0;
  if (sms >= hardware.gpu.sms) {
    throw new BadInputError('sms', `sms is ${sms}, but the GPU has ${hardware.gpu.sms}; leave some to computation`);
  }
  const schedule = {
    layerMarker: mode === 'normal' ? 'DISPATCH' : 'issue DISPATCH',
    launch: 'graph',
    microBatches: 1,
    computeSms: hardware.gpu.sms - sms,
    communicationSms: sms,
    streams: { compute: COMPUTE, communication: COMMUNICATION },
    phases: mode === 'normal' ? NORMAL_PHASES : LOW_LATENCY_PHASES,
  };
  const tokens = positive(options.tokens ?? (mode === 'normal' ? 4096 : 128), 'tokens');
  return resolveConfiguration({
    settings: options.settings ?? [],
    scenario: {
      ...{ scenario: 'collective', family: 'inference', ranks, layers: 1, routing: 'statistical', fabric: 'memory' },
      // One prompt is one micro-batch of as many tokens.
      promptLengths: [tokens],
      ...(options.seed === undefined ? {} : { seed: options.seed }),
      ...(options.era === undefined ? {} : { era: options.era }),
      ...{ payload: { kind: 'none' }, ranksPerWorker: 1, jitter: 0 },
      // A graph, for no CPU holds it up; DeepEP's tests launch its kernels one by one all the same.
      ...{ model, hardware: { ...hardware, host: { ...hardware.host, graphGapNs: undefined } }, schedule },
    },
  });
}
