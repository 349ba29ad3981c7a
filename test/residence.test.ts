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
  it('leaves its FP8 cast 20 SMs, on which it takes 6.6 to 8 times as long as alone', async () => {
    const [alone, ...beside] = durationsUs(await training(), 'combine(B)', 0);
    expect(alone, '43 to 52 µs in the published trace').to.be.within(42, 53);
    for (const us of beside) {
      expect(us, '343 µs in the published trace').to.be.within(326, 360);
      expect(us / alone).to.be.within(6.6, 8.2);
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

describe('two compute streams and two of collectives, of which each pair crosses the other', () => {
  const crossed = (launch: 'eager' | 'graph'): Promise<LocalRun> => {
    const phase = (name: string, stream: string, kernels: string, after: string[], microBatch: number): object => {
      return { name, stream, kernels, after, microBatch };
    };
    const of = (m: number): object[] => [
      phase(`ATTN(${m})`, `compute${m}`, 'ATTN', [`COMBINE(${m})@-1`], m),
      {
        ...phase(`DISPATCH(${m})`, `communication${m}`, 'DISPATCH', [`ATTN(${m})`], m),
        ...{ kind: 'collective', collective: { type: 'dispatch', mode: 'normal', rateKind: 'dispatch' } },
      },
      phase(`MLP(${m})`, `compute${m}`, 'prefill-MLP', [`DISPATCH(${m})`], m),
      {
        ...phase(`COMBINE(${m})`, `communication${m}`, 'COMBINE', [`MLP(${m})`], m),
        ...{ kind: 'collective', collective: { type: 'combine', mode: 'normal', cached: true, rateKind: 'combine' } },
      },
      phase(`SHARED(${m})`, `compute${m}`, 'prefill-SHARED', [`ATTN(${m})`], m),
    ];
    const streams = Object.fromEntries(
      ['compute0', 'compute1', 'communication0', 'communication1'].map((name, index) => [
        name,
        { id: 7 + index, name },
      ]),
    );
    const schedule = {
      ...{ layerMarker: 'ATTN(0)', launch, microBatches: 2, computeSms: 'rest', communicationSms: 24, streams },
      phases: [...of(0), ...of(1)],
    };
    const scenario = { scenario: 'crossed', family: 'inference', ranks: 16, layers: 2, promptLengths: [64], schedule };
    const flags = { fabric: 'memory', threads: 1, payload: { kind: 'none' } };
    return runLocally(resolveConfiguration({ scenario, flags }));
  };

  for (const launch of ['eager', 'graph'] as const) {
    it(`runs to its end without the pairs that close a cycle, and replays (${launch})`, async () => {
      const run = await crossed(launch);
      expect(run.program.untimed).not.to.deep.equal([]);
      expect(replayedDigest(run)).to.equal(run.digest);
    });
  }
});

describe('computation beside a transfer', () => {
  it('takes longer for as long as the transfer is there, and as long as alone without', async () => {
    const settings = ['ranks=16', 'ranksPerWorker=8'];
    const nothing = ['hardware.sharing.memoryPerSm=0', 'hardware.sharing.computePerSm=0'];
    const [shared, apart] = [await training(settings), await training([...settings, ...nothing])];
    // mlp(B) runs beside dispatch(F) all the time, and mlp(F) at most beside part of dispatch(B).
    const total = (run: LocalRun, phase: string): number => {
      const { kernels } = run.program.operations.find((operation) => operation.phase === phase && operation.row === 1)!;
      return kernels.reduce((sum, _, index) => sum + durationsUs(run, phase, index)[1], 0);
    };
    expect(total(shared, 'mlp(B)') / total(apart, 'mlp(B)')).to.be.within(1.02, 1.2);
    expect(total(shared, 'attn(B)') / total(apart, 'attn(B)')).to.be.within(1.01, 1.2);
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
