import { resolveConfiguration } from '@epemu/config';
import { expect } from 'chai';
import { smallFlags } from './support/configuration.js';
import { replayedDigest, runLocally } from './support/local-run.js';
import type { LocalRun } from './support/local-run.js';

/** Training at the published tokens, where kernels are long; no payload to compute. */
function training(settings: readonly string[] = []): Promise<LocalRun> {
  const flags = { ...smallFlags('train'), ranks: 8, tokensPerMicrobatch: 4096, payload: { kind: 'none' } };
  return runLocally(resolveConfiguration({ scenario: 'train', flags, settings: ['jitter=0', ...settings] }));
}

/** Durations of a phase's kernel on rank 0, µs, by cell. @param index of the kernel in its phase. */
function durationsUs({ program, timelines }: LocalRun, phase: string, index: number): number[] {
  const { events } = timelines[0];
  const [operations, kernels, starts, ends] = (['operation', 'kernel', 'startNs', 'endNs'] as const).map((name) =>
    events.column(name),
  );
  const found = program.operations.filter((operation) => operation.phase === phase);
  return found.map(({ id, kernels: uses }) => {
    const row = operations.findIndex((operation, i) => operation === id && kernels[i] === uses[index].kernel);
    return (ends[row] - starts[row]) / 1000;
  });
}

describe('what runs beside a collective', () => {
  it('leaves its FP8 cast 20 SMs, on which it takes 6.6 times as long as alone, within 15 %', async () => {
    const [alone, ...beside] = durationsUs(await training(), 'combine(B)', 0);
    expect(alone, '52 µs in the published trace').to.be.within(46, 57);
    for (const us of beside) {
      expect(us, '343 µs in the published trace').to.be.within(326, 360);
      expect(us / alone).to.be.within(6.6 * 0.85, 6.6 * 1.15);
    }
  });

  it('slows a dispatch, and leaves one alone at its isolated rate: without overlap it is as much faster', async () => {
    const transfer = async (settings: readonly string[]): Promise<number> =>
      durationsUs(await training(settings), 'dispatch(F)', 2)[1];
    const sixteen = ['ranks=16', 'ranksPerWorker=8'];
    const [beside, alone] = [await transfer(sixteen), await transfer([...sixteen, 'overlap=none'])];
    expect(beside / alone).to.be.above(1.1);
  });

  it('is the same to replay, which finds it out by itself', async () => {
    const run = await training();
    expect(replayedDigest(run)).to.equal(run.digest);
  });
});

describe('the CPU that launches', () => {
  it('holds up what is launched behind an uncached dispatch until its notify has ended', async () => {
    // Rank 1 is slow: its peers wait in the notify of dispatch(F), and their CPUs with them.
    const run = await training(['slowRanks=[{"rank":1,"factor":3}]']);
    const { program, configuration } = run;
    const { notifyPollNs, launchLatencyNs } = configuration.hardware.host;
    const { events } = run.timelines[0];
    const [operations, kernels, starts, ends] = (['operation', 'kernel', 'startNs', 'endNs'] as const).map((name) =>
      events.column(name),
    );
    for (const dispatch of program.operations.filter(({ phase }) => phase === 'dispatch(F)')) {
      const notify = dispatch.kernels.find(({ role }) => role === 'notify')!.kernel;
      const row = operations.findIndex((id, i) => id === dispatch.id && kernels[i] === notify);
      const behind = program.operations.filter(({ id }) => id > dispatch.id).map(({ id }) => id);
      operations.forEach((id, i) => {
        if (behind.includes(id)) expect(starts[i]).to.be.at.least(ends[row] + notifyPollNs + launchLatencyNs);
      });
    }
  });
});

describe('a schedule that launches a phase before the collective it waits for', () => {
  it('runs to its end, and replays', async () => {
    const phase = (name: string, stream: string, kernels: string, after: string[]): Record<string, unknown> => {
      return { name, stream, kernels, after };
    };
    const collective = (type: string, rateKind: string): Record<string, unknown> => {
      return { kind: 'collective', collective: { type, mode: 'normal', cached: true, rateKind } };
    };
    const schedule = {
      ...{ layerMarker: 'ATTN(0)', launch: 'eager', microBatches: 1, computeSms: 'rest', communicationSms: 24 },
      streams: { compute: { id: 7, name: 'compute' }, communication: { id: 27, name: 'communication' } },
      phases: [
        phase('ATTN(0)', 'compute', 'ATTN', ['SHARED(0)@-1']),
        phase('MLP(0)', 'compute', 'prefill-MLP', ['DISPATCH(0)']),
        {
          ...phase('DISPATCH(0)', 'communication', 'CACHED-DISPATCH', ['ATTN(0)']),
          ...collective('dispatch', 'cachedDispatch'),
        },
        { ...phase('COMBINE(0)', 'communication', 'COMBINE', ['MLP(0)']), ...collective('combine', 'combine') },
        phase('SHARED(0)', 'compute', 'prefill-SHARED', ['COMBINE(0)']),
      ],
    };
    const scenario = { scenario: 'late', family: 'inference', ranks: 16, layers: 2, promptLengths: [32], schedule };
    const flags = { fabric: 'memory', threads: 1 };
    const run = await runLocally(resolveConfiguration({ scenario, flags }));
    expect(replayedDigest(run)).to.equal(run.digest);
  });
});
