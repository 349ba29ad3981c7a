import type { ConfigurationSources } from '@epemu/config';

/** Two ranks a node, so that four use RDMA and NVLink. */
const TWO_NODES = 'hardware.nodeSize=2';

/** @returns sources of a run of four ranks on two nodes: 32 tokens a micro-batch, 2 layers. */
function small(
  scenario: 'train' | 'prefill' | 'decode',
  flags: Readonly<Record<string, unknown>> = {},
  settings: readonly string[] = [TWO_NODES],
): ConfigurationSources {
  const workload = scenario === 'prefill' ? { promptLengths: [32, 32] } : { tokensPerMicrobatch: 32 };
  return { scenario, flags: { ranks: 4, layers: 2, threads: 1, fabric: 'memory', ...workload, ...flags }, settings };
}

/** @returns sources of an example, smaller. */
function example(name: string, flags: Readonly<Record<string, unknown>> = {}): ConfigurationSources {
  return { scenario: `examples/${name}.yaml`, flags: { threads: 1, fabric: 'memory', ...flags } };
}

/** A user's scenario: one micro-batch, and attention of kernels of the user's own, one of them on a second stream. */
const OWN_KERNELS = {
  scenario: 'one-batch',
  family: 'inference',
  promptLengths: [48],
  kernels: {
    'my-attention': [
      {
        name: 'my_gemm',
        category: 'gemm fp8',
        kind: 'gemm-fp8',
        label: 'q_a',
        m: 'tokens',
        n: 'qLoraRank',
        k: 'hidden',
        grid: ['sms', 1, 1],
        block: [384, 1, 1],
      },
      {
        name: 'my_cast',
        category: 'cast',
        kind: 'fp8-cast',
        bytes: 'tokens * hidden * 3.03125',
        grid: ['tokens', 1, 1],
        block: [128, 1, 1],
      },
    ],
  },
  schedule: {
    layerMarker: 'ATTN(0)',
    microBatches: 1,
    computeSms: 'rest',
    communicationSms: 24,
    streams: { compute: { id: 7, name: 'compute' }, communication: { id: 27, name: 'communication' } },
    phases: [
      {
        name: 'ATTN(0)',
        stream: 'compute',
        kernels: 'my-attention',
        tokens: ['project', 'attend', 'route'],
        after: ['COMBINE(0)@-1', 'SHARED(0)@-1'],
      },
      {
        name: 'DISPATCH(0)',
        kind: 'collective',
        stream: 'communication',
        kernels: 'DISPATCH',
        collective: { type: 'dispatch', mode: 'normal', rateKind: 'dispatch' },
        after: ['ATTN(0)'],
      },
      { name: 'MLP(0)', stream: 'compute', kernels: 'prefill-MLP', after: ['DISPATCH(0)'] },
      {
        name: 'COMBINE(0)',
        kind: 'collective',
        stream: 'communication',
        kernels: 'COMBINE',
        collective: { type: 'combine', mode: 'normal', cached: true, rateKind: 'combine' },
        after: ['MLP(0)'],
      },
      { name: 'SHARED(0)', stream: 'compute', kernels: 'prefill-SHARED', after: ['ATTN(0)'] },
    ],
  },
};

/**
 * Small runs of all sorts, by name, whose digests `test/golden.json` keeps. Together they have every scenario, example,
 * hardware preset, model, era, routing and overlap.
 */
export const GOLDEN_CONFIGURATIONS: Readonly<Record<string, ConfigurationSources>> = {
  train: small('train'),
  prefill: small('prefill'),
  decode: small('decode'),
  'train-without-overlap': small('train', { overlap: 'none', layers: 1 }),
  'train-balanced-without-jitter': small('train', { routing: 'balanced', jitter: 0, seed: 3, layers: 1 }),
  'train-slow-rank': small('train', { slowRanks: [{ rank: 3, factor: 1.5 }], routing: 'biased', layers: 1 }),
  'train-pipeline-communication': small('train', { pipelineCommunication: true, ranks: 2, layers: 1 }, []),
  'train-h20-qwen3': small('train', { hardware: 'h20', model: 'qwen3-235b-a22b', layers: 1 }),
  'prefill-gb200-uneven-prompts': small('prefill', { hardware: 'gb200-nvl72', promptLengths: [70, 9, 33] }, []),
  'decode-b300': small('decode', { hardware: 'b300' }),
  'decode-gb300': small('decode', { hardware: 'gb300-nvl72' }),
  'prefill-b200-glm': small('prefill', { hardware: 'b200', model: 'glm-4.5', overlap: 'none' }),
  'prefill-apr25': small('prefill', { era: 'apr25', ranks: 8, layers: 1 }),
  'decode-h200-kimi-k2': small('decode', { hardware: 'h200', model: 'kimi-k2', kvLength: 20_000 }),
  'decode-h100-gpt-oss': small('decode', { hardware: 'h100', model: 'gpt-oss-120b', overlap: 'none' }),
  'decode-r1-feb25': small('decode', { model: 'deepseek-r1', era: 'feb25', routing: 'biased', seed: 11 }),
  'decode-steps': example('decode-steps', { ranks: 2, layers: 1 }),
  'decode-three-micro-batches': example('decode-three-micro-batches', { ranks: 2, layers: 2 }),
  'two-stage-pipeline': example('two-stage-pipeline', { promptLengths: [64, 64, 64, 64] }),
  'pipeline-training': example('pipeline-training', { tokensPerMicrobatch: 32 }),
  'attention-and-expert-ranks': example('attention-and-expert-ranks', { tokensPerMicrobatch: 16 }),
  'own-kernels': { ...small('prefill', { promptLengths: [48] }), scenario: OWN_KERNELS },
};
