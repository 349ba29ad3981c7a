import { BadInputError } from '@epemu/core';
import { loadHardware, loadModel, hardwareNames } from '@epemu/presets';
import { expect } from 'chai';
import fc from 'fast-check';
import type { Configuration } from '../configuration.js';
import { resolveConfiguration } from '../resolve.js';
import { scenarioNames } from '../scenario-data.js';
import { largestBatch } from './max-batch.js';
import { MEMORY_PARTS, kvBytesPerToken, memoryOf } from './memory.js';
import { totalParameters } from './parameters.js';
import { memoryProblem, memoryText } from './words.js';

function configurationOf(
  scenario: string,
  flags: Record<string, unknown> = {},
  settings: string[] = [],
): Configuration {
  return resolveConfiguration({ scenario, flags, settings });
}

const gigabytes = (...parts: Parameters<typeof configurationOf>): Record<string, number | null> =>
  memoryOf(configurationOf(...parts)).gigabytes;

/** Parameters in billions as their makers publish them. */
const PUBLISHED: Readonly<Record<string, readonly [billions: number, source: string]>> = {
  'deepseek-v3': [671, 'DeepSeek-V3 technical report, abstract'],
  'qwen3-235b-a22b': [235, 'Qwen3 technical report, abstract'],
  'kimi-k2': [1040, 'Kimi K2 technical report, table of architectures (1.04 T)'],
  'glm-4.5': [355, 'GLM-4.5 technical report, abstract'],
  'gpt-oss-120b': [116.83, 'gpt-oss model card, table 1'],
};

describe('the parameters of a model', () => {
  for (const [name, [billions, source]] of Object.entries(PUBLISHED)) {
    it(`come to the ${billions} billion that are published of ${name}, in 2 % (${source})`, () => {
      expect(totalParameters(loadModel(name)) / (billions * 1e9)).to.be.within(0.98, 1.02);
    });
  }
});

describe('the memory of a GPU', () => {
  it('is what the device of a preset reports', () => {
    for (const name of hardwareNames()) {
      const { memoryGB, gpu } = loadHardware(name);
      expect(memoryGB, name).to.be.closeTo(Number(gpu.deviceProperties['totalGlobalMem']) / 1e9, 0.001);
    }
  });

  it('has room for every built-in scenario as it comes, at the default precision of the KV cache, FP8', () => {
    for (const scenario of scenarioNames()) {
      const memory = memoryOf(configurationOf(scenario));
      expect(memory, scenario).to.include({ fits: true, kvPrecision: 'fp8' });
      expect(memoryProblem(memory)).to.equal(undefined);
    }
  });

  it('holds 44 million parameters for an expert: 2 of 256 in 58 layers on 128 ranks, in FP8 with its scales', () => {
    const expected = (2 * 58 * 3 * 7168 * 2048 * (1 + 4 / 16_384)) / 1e9;
    expect(gigabytes('decode')['expertWeights']).to.be.closeTo(expected, 0.001);
    expect(gigabytes('decode', { ranks: 64 })['expertWeights']).to.be.closeTo(2 * expected, 0.001);
  });

  it('holds the whole model whatever layers a serving run emulates, and of training its chunks alone', () => {
    expect(gigabytes('decode', { layers: 61 })).to.deep.equal(gigabytes('decode', { layers: 4 }));
    const [two, four] = [2, 4].map((layers) => gigabytes('train', { layers }));
    expect(four['expertWeights']).to.be.closeTo(2 * Number(two['expertWeights']), 0.002);
    expect(four['embedding']).to.equal(0);
    expect(gigabytes('train', { layers: 61 })['embedding']).to.be.greaterThan(3);
  });

  it('keeps 576 values a token and layer of MLA, 2048 of GLM-4.5, each 1 byte in FP8 and 2 in BF16', () => {
    expect(kvBytesPerToken(configurationOf('decode'))).to.equal(576);
    expect(kvBytesPerToken(configurationOf('decode', {}, ['kvPrecision=bf16']))).to.equal(1152);
    expect(kvBytesPerToken(configurationOf('decode', { model: 'glm-4.5', ranks: 32 }))).to.equal(2048);
    const kvCache = (256 * 4097 * 61 * 576) / 1e9;
    expect(gigabytes('decode')['kvCache']).to.be.closeTo(kvCache, 0.001);
    expect(gigabytes('prefill')['kvCache']).to.be.closeTo((4 * 4096 * 61 * 576) / 1e9, 0.001);
    expect(gigabytes('train')['kvCache']).to.equal(0);
  });

  it('has low-latency buffers as DeepEP sizes them: 128 tokens of 256 experts, sent and received, odd and even', () => {
    expect(gigabytes('decode')['buffers']).to.be.closeTo((4 * 128 * 256 * (14_336 + 4 * 56)) / 1e9, 0.1);
  });

  it('keeps in training FP32 gradients and, of the optimiser, 8 bytes a parameter', () => {
    const { gradients, optimiser, expertWeights } = gigabytes('train', { ranks: 1 });
    expect(Number(optimiser) / Number(gradients)).to.be.closeTo(2, 1e-3);
    expect(Number(gradients)).to.be.greaterThan(4 * Number(expertWeights) * 0.99);
    expect(memoryOf(configurationOf('train')).recipe).to.include('DeepSeek-V3 technical report');
  });

  it('adds its parts up', () => {
    for (const scenario of scenarioNames()) {
      const parts = gigabytes(scenario);
      const sum = MEMORY_PARTS.reduce((total, part) => total + Number(parts[part]), 0);
      expect(parts['total']).to.be.closeTo(sum, 1e-9);
    }
  });

  it('is that of the fullest role: experts where these stand apart, without a KV cache', () => {
    const memory = memoryOf(configurationOf('examples/attention-and-expert-ranks.yaml'));
    expect(memory).to.include({ role: 'experts', largest: 'expertWeights', fits: false });
    expect(memory.gigabytes.kvCache).to.equal(0);
  });

  it('of a stage is its share of the layers', () => {
    const memory = memoryOf(configurationOf('examples/two-stage-pipeline.yaml'));
    const expected = (64 * 29 * 3 * 7168 * 2048 * (1 + 4 / 16_384)) / 1e9;
    expect(memory.gigabytes.expertWeights).to.be.closeTo(expected, 0.001);
  });

  it('is not known where a preset does not say it, another data sheet’s least of all', () => {
    const dataSheet = { ...loadHardware('h200').dataSheet, name: 'mine' };
    const configuration = configurationOf('decode', {
      hardware: { version: 2, name: 'mine', base: 'h800', dataSheet },
    });
    expect(memoryOf(configuration).fits).to.equal(null);
    expect(memoryText(memoryOf(configuration))).to.include('of an unknown capacity on a GPU: KV cache (fp8)');
    expect(() => largestBatch(configuration)).to.throw(BadInputError, 'mine has no memoryGB');
  });

  it('that does not suffice is told in one sentence that names the largest part and what helps', () => {
    const problem = memoryProblem(memoryOf(configurationOf('decode', {}, ['kvPrecision=bf16'])));
    expect(problem).to.match(
      /^a GPU would hold 11\d\.\d GB, but has 84\.9 GB; the largest part is KV cache \(bf16\), 73\.\d GB: /,
    );
    expect(problem).to.include('set kvPrecision to fp8');
    expect(memoryProblem(memoryOf(configurationOf('decode', { ranks: 8 })))).to.include('expert weights, 81.8 GB');
  });
});

describe('the largest batch', () => {
  it('fits, and one more does not', () => {
    fc.assert(
      fc.property(
        fc.constantFrom('decode', 'prefill', 'train'),
        fc.constantFrom(16, 32, 64),
        fc.constantFrom('h800', 'h200', 'b200'),
        (scenario, ranks, hardware) => {
          const configuration = configurationOf(scenario, { ranks, hardware });
          const { batch, unit, promptTokens = 1 } = largestBatch(configuration);
          const fits = (count: number): boolean | null =>
            memoryOf(
              unit === 'prompts'
                ? { ...configuration, promptLengths: Array.from({ length: count }, () => promptTokens) }
                : { ...configuration, tokensPerMicrobatch: count },
            ).fits;
          if (batch > 0) expect(fits(batch)).to.equal(true);
          expect(fits(batch + 1)).to.equal(false);
        },
      ),
      { numRuns: 20 },
    );
  });

  it('grows with the memory and shrinks with the KV length', () => {
    const of = (...parts: Parameters<typeof configurationOf>): number => largestBatch(configurationOf(...parts)).batch;
    expect(of('decode', { hardware: 'h200' })).to.be.greaterThan(of('decode'));
    expect(of('decode', {}, ['kvLength=8192'])).to.be.lessThan(of('decode'));
    expect(of('decode', { ranks: 8 })).to.equal(0);
  });
});
