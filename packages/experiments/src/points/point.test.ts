import { resolveConfiguration } from '@epemu/config';
import { throughputOf } from '@epemu/outputs';
import { expect } from 'chai';
import { figuresOf } from '../figures-of.js';
import { runInMemory } from '../in-memory.js';
import { PointEmulator } from './point.js';
import { PointPool } from './point-pool.js';

const small = { fabric: 'memory', payload: { kind: 'none' }, threads: 1 };
const decode = { ...small, ranks: 8, layers: 4, tokensPerMicrobatch: 16 };

describe('PointEmulator', () => {
  const cases = [
    { name: 'decode', scenario: 'decode', flags: decode },
    { name: 'decode without overlap', scenario: 'decode', flags: { ...decode, overlap: 'none' } },
    { name: 'training', scenario: 'train', flags: { ...small, ranks: 16, layers: 4, tokensPerMicrobatch: 128 } },
    { name: 'prefill', scenario: 'prefill', flags: { ...small, ranks: 16, layers: 2, promptLengths: [300, 100] } },
    { name: 'skewed routing', scenario: 'decode', flags: { ...decode, routing: 'skewed' } },
    { name: 'EPLB', scenario: 'decode', flags: { ...decode, routing: 'skewed', eplb: true, redundantExperts: 8 } },
    { name: 'ranks of several roles', scenario: 'examples/attention-and-expert-ranks.yaml', flags: small },
  ];
  for (const { name, scenario, flags } of cases) {
    it(`has the figures of a run whose tokens move: ${name}`, async () => {
      const configuration = resolveConfiguration({ scenario, flags });
      const whole = figuresOf(await runInMemory(configuration));
      const { timeline, steady, phases, throughput } = await new PointEmulator().emulate(configuration);
      expect({ timeline, steady, phases }).to.deep.equal({
        ...{ timeline: whole.timeline, steady: whole.steady, phases: whole.phases },
      });
      expect(throughput).to.deep.equal(throughputOf(configuration, whole));
    });
  }

  it('gives a point the same figures whatever it emulated before', async () => {
    const emulator = new PointEmulator();
    const flags = (more: object): object => ({ ...decode, ...more });
    const variants = [{}, { seed: 8 }, { routing: 'statistical' }, { tokensPerMicrobatch: 24 }, { ranks: 16 }, {}];
    for (const variant of variants) {
      const configuration = resolveConfiguration({ scenario: 'decode', flags: { ...flags(variant) } });
      const alone = await new PointEmulator().emulate(configuration);
      expect(await emulator.emulate(configuration)).to.deep.equal(alone);
    }
  });
});

describe('PointPool', () => {
  it('emulates in threads what one emulates here, and tells what fails', async () => {
    const configurations = [1, 2, 3].map((seed) =>
      resolveConfiguration({ scenario: 'decode', flags: { ...decode, seed } }),
    );
    const impossible = { ...configurations[0], model: { ...configurations[0].model, experts: 0 } };
    const pool = new PointPool(2);
    try {
      const outcomes = await Promise.all([...configurations, impossible].map((each) => pool.emulate(each)));
      for (const [index, configuration] of configurations.entries()) {
        expect(outcomes[index]).to.deep.equal({ figures: await new PointEmulator().emulate(configuration) });
      }
      expect(outcomes[3]).to.have.property('error').that.is.a('string');
    } finally {
      await pool.close();
    }
  });
});
