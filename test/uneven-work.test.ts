import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { memoryOf, microBatchesOf, resolveConfiguration } from '@epemu/config';
import { RunTimer } from '@epemu/experiments';
import type { Report } from '@epemu/outputs';
import { addNumerics, emptyNumerics } from '@epemu/rank';
import { expect } from 'chai';
import { replayedDigest, runLocally } from './support/local-run.js';
import type { LocalRun } from './support/local-run.js';
import { CliProcess } from './support/run-cli.js';
import { textFile } from './support/scenario-files.js';
import { TemporaryFolder } from './support/temporary.js';

const small = { ranks: 8, layers: 2, threads: 1, fabric: 'memory' };
const TWO_NODES = 'hardware.nodeSize=4';
const KV = [[4096], [32_768], [1024, 2048], [1024], [1024], [1024], [1024], [1024]];

const CASES = [
  [
    'decode, by rank and with KV lengths',
    'decode',
    { rankTokens: [32, 0, 4, 16, 16, 16, 16, 16], kvLengths: { source: 'kv', ranks: KV } },
  ],
  ['decode, steps', 'decode', { tokensPerMicrobatch: 8, kvSpread: 1, steps: 2 }],
  ['decode without overlap', 'decode', { rankTokens: [8, 0, 4, 8, 8, 8, 8, 8], overlap: 'none' }],
  ['prefill', 'prefill', { rankPrompts: [[64, 30], [], [200], [1], [64], [64], [64], [64, 64]] }],
  ['training', 'train', { rankTokens: [32, 0, 4, 16, 16, 16, 64, 1], redundantExperts: 8, routing: 'skewed' }],
] as const;

const startsOf = ({ timelines }: Pick<LocalRun, 'timelines'>): number[][] =>
  timelines.map(({ events }) => [...events.column('startNs')]);

describe('uneven work of ranks', () => {
  const temporary = new TemporaryFolder();
  after(() => {
    temporary.remove();
  });

  for (const [what, scenario, flags] of CASES) {
    it(`moves each rank’s own tokens, ranks with none take part, and a replay agrees: ${what}`, async () => {
      const configuration = resolveConfiguration({ scenario, flags: { ...small, ...flags }, settings: [TWO_NODES] });
      const run = await runLocally(configuration);
      const totals = emptyNumerics();
      for (const found of run.numerics) addNumerics(totals, found);
      expect(totals).to.include({ missing: 0, duplicated: 0, wrong: 0 });
      expect(totals.tokensChecked).to.be.above(0);
      expect(replayedDigest(run)).to.equal(run.digest);
      expect(startsOf(await new RunTimer().time(configuration))).to.deep.equal(startsOf(run));
      for (const { events } of run.timelines) expect(events.count).to.equal(run.timelines[0].events.count);
      if (scenario === 'train') return;
      const tokens = run.timelines.flatMap(({ rank }) =>
        microBatchesOf(configuration, rank).map((batch) => batch.tokens),
      );
      const sent = tokens.reduce((sum, of) => sum + of, 0) * configuration.model.topK * configuration.layers;
      const rows = run.timelines.flatMap(({ receipts }) => [...receipts.column('expertRows')]);
      expect(rows.reduce((sum, of) => sum + of, 0)).to.equal(sent);
    });
  }

  it('lets attention take as long as the rank’s own KV caches are long', async () => {
    const ranks = KV.map((lengths) => lengths.slice(0, 1));
    const run = await runLocally(
      resolveConfiguration({
        scenario: 'decode',
        flags: {
          ...small,
          tokensPerMicrobatch: 64,
          jitter: 0,
          payload: { kind: 'none' },
          kvLengths: { source: 'kv', ranks },
        },
      }),
    );
    const { operations } = run.program;
    const attentionNs = run.timelines.map(({ events }) => {
      const [of, starts, ends] = (['operation', 'startNs', 'endNs'] as const).map((name) => events.column(name));
      return of.reduce((sum, id, i) => (operations[id].tokens.includes('attend') ? sum + ends[i] - starts[i] : sum), 0);
    });
    expect(attentionNs[1]).to.be.greaterThan(attentionNs[0] * 1.5);
    expect(attentionNs[0]).to.be.greaterThan(attentionNs[2]);
    expect(new Set(attentionNs.slice(2)).size).to.equal(1);
  });

  it('draws KV lengths around their mean, by seed, rank and request, and grows them by a token a step', () => {
    const configurationOf = (flags: object) =>
      resolveConfiguration({
        scenario: 'decode',
        flags: { ranks: 32, tokensPerMicrobatch: 4096, kvSpread: 1, ...flags },
      });
    const even = 4096 * 4096;
    const pairs = microBatchesOf(configurationOf({}), 3).map((batch) => batch.attentionPairs);
    for (const of of pairs) expect(of / even).to.be.closeTo(1, 0.1);
    expect(
      new Set([...pairs, ...microBatchesOf(configurationOf({}), 4).map((batch) => batch.attentionPairs)]).size,
    ).to.equal(4);
    expect(microBatchesOf(configurationOf({ seed: 8 }), 3)[0].attentionPairs).not.to.equal(pairs[0]);
    const [first, , second] = microBatchesOf(configurationOf({ steps: 2 }), 3);
    expect(second.attentionPairs - first.attentionPairs).to.equal(4096);
    expect(microBatchesOf(configurationOf({ kvSpread: 0 }), 3)[0].attentionPairs).to.equal(even);
  });

  it('is held by the fullest GPU, and a stronger choice for all takes it away', () => {
    const kvOf = (flags: object): number =>
      memoryOf(resolveConfiguration({ scenario: 'decode', flags: { ranks: 8, ...flags } })).gigabytes.kvCache;
    const ranks = KV.map(() => [4096]);
    expect(kvOf({ kvLengths: { source: 'kv', ranks } })).to.equal(kvOf({}));
    expect(kvOf({ kvLengths: { source: 'kv', ranks: [[8192], ...ranks.slice(1)] } })).to.be.closeTo(2 * kvOf({}), 0.1);
    const scenario = { scenario: 'decode', ranks: 8, rankTokens: [1, 2, 3, 4, 5, 6, 7, 8] };
    expect(resolveConfiguration({ scenario, flags: { tokensPerMicrobatch: 4 } }).rankTokens).to.equal(undefined);
    expect(resolveConfiguration({ scenario }).rankTokens).to.deep.equal(scenario.rankTokens);
  });

  const kvFile = textFile(temporary.path, 'kv.csv', `# by rank\n${KV.map((row) => row.join(', ')).join('\n')}\n`);

  it('comes from files and flags, is told, and a configuration repeats it', async () => {
    const out = join(temporary.path, 'run');
    const args = ['--ranks', '8', '--layers', '1', '--rank-tokens', '8,0,8,8,8,8,8,8', '--kv-lengths', kvFile];
    const { code, stderr, stdout } = await new CliProcess([
      'run',
      'decode',
      ...args,
      '--fabric',
      'memory',
      '--out',
      out,
    ]).end;
    expect(code, stderr).to.equal(0);
    const report = JSON.parse(readFileSync(join(out, 'report.json'), 'utf8')) as Report;
    expect(report.unequal).to.deep.equal([
      'ranks have 0 to 8 tokens a micro-batch; rank 1 with none',
      `KV lengths of requests are those of ${kvFile}`,
    ]);
    expect(stdout).to.include('unequal: ranks have 0 to 8');
    const repeated = await new CliProcess(['run', join(out, 'config.json'), '--out', `${out}-2`, '--json']).end;
    expect((JSON.parse(repeated.stdout) as Report).digest).to.equal(report.digest);
  });

  const file = (name: string, text: string): string => textFile(temporary.path, name, text);
  for (const [what, args, says] of [
    [
      'too few ranks',
      ['--kv-lengths', kvFile, '--ranks', '16'],
      `kvLengths of ${kvFile} has rows of 8 ranks, but the run has 16`,
    ],
    ['no number', ['--kv-lengths', file('a.csv', '1024\nlong\n')], 'a.csv, line 2: rank 1 has "long"'],
    [
      'a length of 0',
      ['--kv-lengths', file('b.csv', '1024\n# none\n5,0\n')],
      'b.csv, line 3: rank 1 has a KV length of 0',
    ],
    ['no file', ['--kv-lengths', 'nowhere.csv'], 'kvLengths is nowhere.csv, which cannot be read'],
    ['a negative number', ['--rank-tokens', file('c.csv', '1\n-2\n')], 'c.csv, line 2: rank 1 has "-2"'],
    ['broken JSON', ['--rank-tokens', file('d.json', '[1, 2')], 'd.json is no JSON'],
    ['no token', ['--rank-tokens', '0,0,0,0,0,0,0,0'], 'rankTokens gives no rank a token'],
    [
      'prompts of a decode',
      ['--rank-prompts', file('e.csv', '1\n'.repeat(8))],
      'rankPrompts is given, but the run has no prompts',
    ],
    ['two kinds of KV lengths', ['--kv-lengths', kvFile, '--kv-spread', '1'], 'kvSpread is given beside kvLengths'],
  ] as const) {
    it(`is refused in one sentence: ${what}`, async () => {
      const { code, stderr } = await new CliProcess(['run', 'decode', '--ranks', '8', ...args, '--dry-run']).end;
      expect(code).to.equal(2);
      expect(stderr.trim().split('\n')).to.have.length(1);
      expect(stderr).to.include(says);
    });
  }
});
