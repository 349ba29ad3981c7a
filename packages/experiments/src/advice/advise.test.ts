import { resolveConfiguration } from '@epemu/config';
import type { Configuration } from '@epemu/config';
import { throughputOf } from '@epemu/outputs';
import type { Throughput } from '@epemu/outputs';
import { expect } from 'chai';
import { figuresOf } from '../figures-of.js';
import { runInMemory } from '../in-memory.js';
import { PointEmulator } from '../points/point.js';
import { advise } from './advise.js';
import type { AdviceReport } from './advise.js';
import { changed } from './candidates.js';

const base = { fabric: 'memory', payload: { kind: 'none' }, threads: 1, layers: 4 };

/** What a run takes whose tokens move. */
async function runOf(configuration: Configuration): Promise<Throughput> {
  return throughputOf(configuration, figuresOf(await runInMemory(configuration)));
}

async function advised(configuration: Configuration): Promise<AdviceReport> {
  const emulator = new PointEmulator();
  return await advise(configuration, async (each) => {
    try {
      return { figures: await emulator.emulate(each) };
    } catch (error) {
      return { error: String(error) };
    }
  });
}

describe('advise', () => {
  const cases: readonly {
    readonly name: string;
    readonly scenario: string;
    readonly flags: Readonly<Record<string, unknown>>;
    readonly settings?: readonly string[];
  }[] = [
    { name: 'a prefill', scenario: 'prefill', flags: { ranks: 8, promptLengths: [200, 100] } },
    {
      name: 'a decode of 16 tokens without overlap',
      scenario: 'decode',
      flags: { ranks: 16, tokensPerMicrobatch: 16, overlap: 'none' },
    },
    {
      name: 'a decode with a NIC of 100 GB/s',
      scenario: 'decode',
      flags: { ranks: 16, tokensPerMicrobatch: 32 },
      settings: ['hardware.ports.rdma.bandwidthGBps=100'],
    },
    {
      name: 'a decode with a slow rank and hot experts',
      scenario: 'decode',
      flags: { ranks: 8, tokensPerMicrobatch: 16, routing: 'skewed', slowRanks: [{ rank: 3, factor: 1.5 }] },
    },
    { name: 'training', scenario: 'train', flags: { ranks: 16, tokensPerMicrobatch: 32 } },
  ];
  for (const { name, scenario, flags, settings = [] } of cases) {
    it(`says nothing of ${name} that does not help when it is run`, async () => {
      const configuration = resolveConfiguration({ scenario, flags: { ...base, ...flags }, settings });
      const before = await runOf(configuration);
      const { base: told, tries, batches, together } = await advised(configuration);
      expect(told.stepMs).to.equal(before.stepMs);
      for (const advice of [...tries, ...(together === null ? [] : [together])]) {
        const after = await runOf(changed(configuration, advice.settings));
        expect(after.stepMs, advice.what).to.equal(advice.stepMs).and.below(before.stepMs);
      }
      for (const advice of batches) {
        const after = await runOf(changed(configuration, advice.settings));
        expect(after.tokensPerSecondPerGpu, advice.what).to.be.above(before.tokensPerSecondPerGpu);
      }
    });
  }

  it('names what evening out would bring of a slow rank, as a ceiling', async () => {
    const slowRanks = [{ rank: 3, factor: 1.5 }];
    const flags = { ...base, ranks: 8, tokensPerMicrobatch: 16, slowRanks };
    const { tries } = await advised(resolveConfiguration({ scenario: 'decode', flags }));
    const found = tries.find(({ what }) => what === 'no slow ranks');
    expect(found).to.include({ isCeiling: true });
    expect(found?.savedPct).to.be.above(10);
  });

  it('names what evening out slow NICs would bring, and asks no batch of ranks that have their own work', async () => {
    const slowNics = [{ rank: 3, factor: 0.1 }];
    const rankTokens = Array.from({ length: 16 }, (_, rank) => 8 + (rank % 2));
    const flags = { ...base, ranks: 16, slowNics, rankTokens };
    const { tries, batches, useless } = await advised(resolveConfiguration({ scenario: 'decode', flags }));
    expect([...tries, ...useless].map(({ what }) => what)).to.include('no slow NICs');
    expect(batches).to.deep.equal([]);
  });

  it('advises no batch that does not fit into memory', async () => {
    const flags = { ...base, ranks: 8, tokensPerMicrobatch: 128 };
    const { batches, base: told } = await advised(resolveConfiguration({ scenario: 'decode', flags }));
    expect(told.tokensPerSecondPerGpu).to.be.above(0);
    expect(batches).to.deep.equal([]);
  });
});
