import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { resolveConfiguration } from '@epemu/config';
import type { Report } from '@epemu/outputs';
import type { RankTimeline } from '@epemu/timeline';
import { expect } from 'chai';
import { replayedDigest, runLocally } from './support/local-run.js';
import type { LocalRun } from './support/local-run.js';
import { CliProcess } from './support/run-cli.js';
import { TemporaryFolder } from './support/temporary.js';

const flags = {
  ...{ ranks: 8, layers: 2, threads: 1, fabric: 'memory', payload: { kind: 'none' }, jitter: 0 },
};
const TWO_NODES = 'hardware.nodeSize=4';

const runOf = (scenario: string, changes: object = {}, settings: string[] = []): Promise<LocalRun> => {
  const work = scenario === 'prefill' ? { promptLengths: [600, 600] } : { tokensPerMicrobatch: 64 };
  return runLocally(
    resolveConfiguration({ scenario, flags: { ...flags, ...work, ...changes }, settings: [TWO_NODES, ...settings] }),
  );
};

const spanOf = ({ timelines }: LocalRun): number => {
  const ends = timelines.flatMap(({ events }) => [...events.column('endNs')]);
  return ends.reduce((most, ns) => Math.max(most, ns), 0);
};

/** Busy ns of a rank's compute kernels that start from one moment on, and before another. */
function computeNs({ program }: LocalRun, { events }: RankTimeline, fromNs = 0, beforeNs = Infinity): number {
  const [kernels, starts, ends] = (['kernel', 'startNs', 'endNs'] as const).map((name) => events.column(name));
  return starts.reduce((sum, startNs, i) => {
    const counts = program.kernels[kernels[i]].class === 'compute' && startNs >= fromNs && startNs < beforeNs;
    return counts ? sum + ends[i] - startNs : sum;
  }, 0);
}

/** Bytes over ns that an out-port of a rank was busy with those for a peer. */
function rateOf({ timelines }: LocalRun, rank: number, ports: readonly number[]): number {
  const { services } = timelines[rank];
  const [port, bytes, starts, ends] = (['port', 'bytes', 'startNs', 'endNs'] as const).map((name) =>
    services.column(name),
  );
  const own = [...port.keys()].filter((i) => ports.includes(port[i]));
  const sum = (of: (i: number) => number): number => own.reduce((total, i) => total + of(i), 0);
  return sum((i) => bytes[i]) / sum((i) => ends[i] - starts[i]);
}

describe('unequal ranks and links', () => {
  const temporary = new TemporaryFolder();
  after(() => {
    temporary.remove();
  });

  /** A while in the middle of each. */
  const WHILE = { decode: [300, 400], prefill: [3000, 3000], train: [10_000, 5000] } as const;
  const casesOf = (fromUs: number, forUs: number): readonly [string, object][] => [
    ['a slow rank', { slowRanks: [{ rank: 5, factor: 1.3 }] }],
    ['a slow rank for a while', { slowRanks: [{ rank: 5, factor: 20, fromUs, forUs }] }],
    ['a slow node', { slowNodes: [{ node: 1, factor: 1.5 }] }],
    ['a slow NIC', { slowNics: [{ rank: 3, factor: 0.25 }] }],
    [
      'slow links',
      {
        slowLinks: [
          { ranks: [0, 4], factor: 0.05 },
          { ranks: [1, 6], factor: 0.1 },
        ],
      },
    ],
    ['a stall', { stalls: [{ rank: 2, atUs: fromUs, forUs }] }],
    ['a tail of the jitter', { jitter: 0.02, jitterTail: { chance: 0.2, exponent: 1.5, most: 20 } }],
    [
      'all at once',
      {
        slowNics: [{ rank: 3, factor: 0.5 }],
        stalls: [{ rank: 2, atUs: fromUs, forUs }],
        slowRanks: [{ rank: 5, factor: 1.3 }],
      },
    ],
  ];
  for (const [scenario, [fromUs, forUs]] of Object.entries(WHILE)) {
    let even: LocalRun;
    before(async () => {
      even = await runOf(scenario);
    });
    for (const [what, changes] of casesOf(fromUs, forUs)) {
      it(`cost ${scenario} time, the same in a replay by other code: ${what}`, async () => {
        const run = await runOf(scenario, changes);
        expect(replayedDigest(run)).to.equal(run.digest);
        expect(run.digest).not.to.equal(even.digest);
        // Where launches bind a small run, as in training and prefill, they may hide what is slower.
        if (scenario === 'decode') expect(spanOf(run)).to.be.greaterThan(spanOf(even));
        else expect(spanOf(run)).to.be.at.least(spanOf(even));
      });
    }
  }

  it('slow a rank’s own compute by the factor, from the moment on and for as long as was said', async () => {
    const [even, slow, later] = await Promise.all([
      runOf('decode'),
      runOf('decode', { slowRanks: [{ rank: 5, factor: 1.5 }] }),
      runOf('decode', { slowRanks: [{ rank: 5, factor: 1.5, fromUs: 700 }] }),
    ]);
    for (const rank of [0, 5]) {
      const ratio = computeNs(slow, slow.timelines[rank]) / computeNs(even, even.timelines[rank]);
      expect(ratio).to.be.closeTo(rank === 5 ? 1.5 : 1, 0.001);
    }
    expect(computeNs(later, later.timelines[5], 0, 700e3)).to.equal(computeNs(even, even.timelines[5], 0, 700e3));
    expect(computeNs(later, later.timelines[5])).to.be.greaterThan(computeNs(even, even.timelines[5]));
  });

  it('halve what a slow NIC sends a ns, and nothing that goes inside a node or from another rank', async () => {
    const [even, slow] = await Promise.all([
      runOf('decode'),
      runOf('decode', { slowNics: [{ rank: 3, factor: 0.5 }] }),
    ]);
    const rdma = even.program.links.findIndex(({ name }) => name === 'rdma');
    expect(rateOf(slow, 3, [rdma * 2]) / rateOf(even, 3, [rdma * 2])).to.be.closeTo(0.5, 0.03);
    expect(rateOf(slow, 2, [rdma * 2])).to.equal(rateOf(even, 2, [rdma * 2]));
  });

  it('let a rank that stalls start no kernel meanwhile, and no other rank stop', async () => {
    const run = await runOf('decode', { stalls: [{ rank: 2, atUs: 200, forUs: 500 }] });
    const startsIn = (rank: number): number =>
      run.timelines[rank].events.column('startNs').filter((ns) => ns >= 200e3 && ns < 700e3).length;
    expect(startsIn(2)).to.equal(0);
    expect(startsIn(0)).to.be.greaterThan(0);
  });

  it('are said by flags, marked in report, summary, page, trace and metrics, and refused in one sentence', async () => {
    const out = join(temporary.path, 'run');
    const sizes = ['--ranks', '8', '--layers', '1', '--tokens-per-microbatch', '8', '--fabric', 'memory'];
    const unequal = [
      '--slow-rank',
      '5=1.3@2ms+500us',
      '--slow-nic',
      '3=0.5',
      '--slow-link',
      '0-7=0.1',
      '--stall',
      '1@1ms+1ms',
    ];
    const args = ['run', 'decode', ...sizes, ...unequal, '--slow-node', '0=1.1', '--jitter-tail', '0.01', '--out', out];
    const { code, stdout, stderr } = await new CliProcess(args).end;
    expect(code, stderr).to.equal(0);
    const report = JSON.parse(readFileSync(join(out, 'report.json'), 'utf8')) as Report;
    const told = [
      'rank 5 takes 1.3 times as long from 2 ms on for 0.5 ms',
      'node 0 takes 1.1 times as long',
      'the NIC of rank 3 has 0.5 of its bandwidth',
      'the link 0-7 has 0.1 of its bandwidth',
      'rank 1 stalls at 1 ms for 1 ms',
      'of 1 % of operations jitter has a tail of exponent 2, at most 10 times',
    ];
    expect(report.unequal).to.deep.equal(told);
    for (const text of told) {
      expect(stdout).to.include(`unequal: ${text}`);
      expect(readFileSync(join(out, 'report.html'), 'utf8')).to.include(text);
      expect(readFileSync(join(out, 'metrics.prom'), 'utf8')).to.include(text);
    }
    const trace = gunzipSync(readFileSync(join(out, 'trace.json.gz'))).toString();
    expect(trace).to.include('the NIC of rank 3 has 0.5 of its bandwidth');
    const repeated = await new CliProcess(['run', join(out, 'config.json'), '--out', `${out}-2`, '--json']).end;
    expect((JSON.parse(repeated.stdout) as Report).digest).to.equal(report.digest);
  });

  for (const [flag, value, says] of [
    ['--slow-rank', '5', 'write it as 5=1.3'],
    ['--slow-rank', '5=0', 'slowRanks.0.factor is 0'],
    ['--slow-rank', '8=1.3', 'slowRanks names rank 8, but ranks are 0 to 7'],
    ['--slow-rank', '7-5=1.3', 'write it as'],
    ['--slow-rank', '5=1.3@2', 'write it as'],
    ['--slow-node', '1=1.3', 'slowNodes names node 1, but nodes are 0 to 0'],
    ['--slow-nic', '3=0', 'slowNics.0.factor is 0'],
    ['--slow-nic', '8=0.5', 'slowNics names rank 8'],
    ['--slow-link', '0-8=0.5', 'slowLinks names rank 8'],
    ['--slow-link', '3-3=0.5', 'slowLinks names the link 3-3'],
    ['--stall', '1@1ms', 'write it as 5@2ms+500us'],
    ['--jitter-tail', 'often', 'give a chance from 0 to 1'],
    ['--jitter-tail', '2', 'jitterTail.chance is 2'],
  ] as const) {
    it(`are refused where they cannot be: ${flag} ${value}`, async () => {
      const { code, stderr } = await new CliProcess(['run', 'decode', '--ranks', '8', flag, value, '--dry-run']).end;
      expect(code).to.equal(2);
      expect(stderr.trim().split('\n')).to.have.length(1);
      expect(stderr).to.include(says);
    });
  }
});
