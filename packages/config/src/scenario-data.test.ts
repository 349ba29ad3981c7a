import { expect } from 'chai';
import fc from 'fast-check';
import { parseConfiguration, resolveConfiguration } from './resolve.js';
import { scenarioData, scenarioNames } from './scenario-data.js';

describe('the built-in scenarios', () => {
  it('split the SMs and take the tokens as published', () => {
    const sizes = scenarioNames().map((scenario) => {
      const { schedule, tokensPerMicrobatch, promptLengths } = resolveConfiguration({ scenario });
      return [scenario, schedule.computeSms, schedule.communicationSms, tokensPerMicrobatch ?? promptLengths];
    });
    expect(sizes).to.deep.equal([
      ['decode', 132, 0, 128],
      ['prefill', 108, 24, [4096, 4096, 4096, 4096]],
      ['train', 112, 20, 4096],
    ]);
  });

  it('are of DeepSeek-V3 on H800 nodes of 8, with pipeline communication off', () => {
    for (const scenario of scenarioNames()) {
      const { model, hardware, kvLength, pipelineCommunication } = resolveConfiguration({ scenario });
      expect([hardware.gpu.sms, hardware.nodeSize, kvLength, pipelineCommunication]).to.deep.equal([
        132,
        8,
        4096,
        false,
      ]);
      expect([model.hidden, model.layers, model.denseLayers]).to.deep.equal([7168, 61, 3]);
      expect([model.experts, model.topK, model.expertGroups, model.topGroups]).to.deep.equal([256, 8, 8, 4]);
    }
  });

  it('give compute all SMs without overlap, from whichever source it comes', () => {
    for (const scenario of scenarioNames()) {
      const none = resolveConfiguration({ scenario, flags: { overlap: 'none' } });
      expect(none.schedule.computeSms).to.equal(132);
      expect(none.schedule.microBatches).to.equal(scenario === 'train' ? 2 : 1);
      expect(resolveConfiguration({ scenario, environment: { EPEMU_OVERLAP: 'none' } })).to.deep.equal(none);
      expect(resolveConfiguration({ scenario, settings: ['overlap=none'] })).to.deep.equal(none);
    }
  });

  it('give compute what communication leaves of the GPU, whichever it is', () => {
    const split = (hardware: string, settings: string[] = []): number[] => {
      const { schedule } = resolveConfiguration({ scenario: 'train', flags: { hardware }, settings });
      return [schedule.computeSms, schedule.communicationSms];
    };
    expect(split('h800')).to.deep.equal([112, 20]);
    expect(split('h20')).to.deep.equal([58, 20]);
    expect(split('h800', ['schedule.communicationSms=24'])).to.deep.equal([108, 24]);
    expect(split('h800', ['schedule.computeSms=100'])).to.deep.equal([100, 20]);
  });

  it('come back from JSON whatever was chosen', () => {
    const flags = fc.record({
      ranks: fc.constantFrom(4, 8, 16, 256),
      layers: fc.constantFrom(1, 5, 58, 61),
      seed: fc.maxSafeNat(),
      overlap: fc.constantFrom('full', 'none'),
      routing: fc.constantFrom('balanced', 'statistical', 'biased'),
    });
    fc.assert(
      fc.property(fc.constantFrom(...scenarioNames()), flags, (scenario, chosen) => {
        const resolved = resolveConfiguration({ scenario, flags: chosen });
        expect(resolved).to.deep.include(chosen);
        expect(parseConfiguration(JSON.parse(JSON.stringify(resolved)))).to.deep.equal(resolved);
      }),
      { numRuns: 10 },
    );
  }).timeout(30_000);

  it('are found by name alone: a path is none', () => {
    for (const name of ['../scenarios/train', 'train.json', 'Train', '']) {
      expect(scenarioData(name)).to.equal(undefined);
    }
  });
});
