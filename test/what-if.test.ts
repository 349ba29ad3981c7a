import { analyze } from '@epemu/analysis';
import type { Analysis } from '@epemu/analysis';
import type { Configuration } from '@epemu/config';
import { runInMemory } from '@epemu/experiments';
import type { InMemoryRun } from '@epemu/experiments';
import { largest } from '@epemu/core';
import { expect } from 'chai';
import { writeTraces } from './support/analysed.js';
import { small } from './support/configuration.js';
import type { ScenarioName } from './support/configuration.js';
import { TemporaryFolder } from './support/temporary.js';

/** Runs whose NICs bind them, launched so that no host does: a replay knows nothing of the host. */
const SLOW_NICS: readonly {
  readonly scenario: ScenarioName;
  readonly changes: Record<string, unknown>;
  readonly GBps: number;
  /** How far the answer may be from the truth: what a transfer spends on NVLink and latency halves with it. */
  readonly tolerancePct: number;
}[] = [
  { scenario: 'train', changes: { tokensPerMicrobatch: 256 }, GBps: 1, tolerancePct: 3 },
  { scenario: 'prefill', changes: { promptLengths: [256, 256] }, GBps: 5, tolerancePct: 5 },
  { scenario: 'decode', changes: { tokensPerMicrobatch: 128 }, GBps: 10, tolerancePct: 3 },
];

function withNic(scenario: ScenarioName, changes: Record<string, unknown>, bandwidthGBps: number): Configuration {
  const { hardware, schedule, ...rest } = small(scenario, changes);
  const ports = { ...hardware.ports, rdma: { ...hardware.ports.rdma, bandwidthGBps } };
  return { ...rest, hardware: { ...hardware, ports }, schedule: { ...schedule, launch: 'graph' } };
}

function lastEndUs({ timelines }: InMemoryRun): number {
  return Math.max(...timelines.map(({ events }) => largest(events.column('endNs')))) / 1000;
}

describe('what an analysis says of a change, against emulating it', () => {
  const temporary = new TemporaryFolder();
  after(() => {
    temporary.remove();
  });

  async function analysis(run: InMemoryRun): Promise<Analysis> {
    return (await analyze(await writeTraces(run, temporary.fresh()))).analysis;
  }

  for (const { scenario, changes, GBps, tolerancePct } of SLOW_NICS) {
    it(`is within ${tolerancePct} % for NICs of twice ${GBps} GB/s in a ${scenario} run`, async () => {
      const run = await runInMemory(withNic(scenario, changes, GBps));
      const truthUs = lastEndUs(await runInMemory(withNic(scenario, changes, 2 * GBps)));
      expect(truthUs, 'the NIC binds').to.be.below(0.8 * lastEndUs(run));
      const { criticalPath } = await analysis(run);
      const { endUs } = criticalPath!.answers.find(({ id }) => id === 'double-nic-bandwidth')!;
      expect(100 * (endUs / truthUs - 1)).to.be.within(-tolerancePct, tolerancePct);
    });
  }

  it('is that a NIC twice as fast brings nothing where SMs bind, as in training with the kernels of February', async () => {
    const run = await runInMemory(withNic('train', { tokensPerMicrobatch: 256 }, 50));
    const truthUs = lastEndUs(await runInMemory(withNic('train', { tokensPerMicrobatch: 256 }, 100)));
    const { criticalPath } = await analysis(run);
    const { endUs } = criticalPath!.answers.find(({ id }) => id === 'double-nic-bandwidth')!;
    expect(100 * (endUs / truthUs - 1)).to.be.within(-3, 3);
  });

  it('is within 3 % for a slow rank that computes as fast as the others', async () => {
    const changes = { tokensPerMicrobatch: 128 };
    const run = await runInMemory(small('decode', { ...changes, slowRanks: [{ rank: 3, factor: 1.5 }] }));
    const truthUs = lastEndUs(await runInMemory(small('decode', changes)));
    const { criticalPath } = await analysis(run);
    const answer = criticalPath!.answers.find(({ id }) => id === 'slowest-rank-at-median');
    expect(answer!.what).to.match(/^rank 3, the slowest/);
    expect(100 * (answer!.endUs / truthUs - 1)).to.be.within(-3, 3);
  });

  it('asks of NICs where bytes took them: on one node low-latency rows do, and those of normal mode do not', async () => {
    const asks = async (scenario: ScenarioName): Promise<boolean> => {
      const { criticalPath } = await analysis(await runInMemory(small(scenario, { ranks: 8 })));
      return criticalPath!.answers.some(({ id }) => id === 'double-nic-bandwidth');
    };
    expect(await asks('decode')).to.equal(true);
    expect(await asks('train')).to.equal(false);
  });
});
