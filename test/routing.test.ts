import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { resolveConfiguration } from '@epemu/config';
import { figuresOf, routingFigures } from '@epemu/experiments';
import type { RoutedCall, RoutingFigures } from '@epemu/experiments';
import { addNumerics, emptyNumerics } from '@epemu/rank';
import { lintCall } from '@epemu/routing';
import type { RoutingRequest } from '@epemu/routing';
import { expect } from 'chai';
import { replayedDigest, runLocally } from './support/local-run.js';
import { CliProcess } from './support/run-cli.js';
import { TemporaryFolder } from './support/temporary.js';

const LOADS = 'examples/expert-loads.csv';
const small = { ranks: 8, layers: 2, threads: 1, fabric: 'memory' };
const TWO_NODES = 'hardware.nodeSize=4';

/** Runs whose report says of routing what routing alone says. */
const CASES = [
  ['decode, balanced', 'decode', { tokensPerMicrobatch: 32 }, []],
  ['decode, skewed, two steps with drift', 'decode', { tokensPerMicrobatch: 32, steps: 2 }, ['routingSkew.drift=0.3']],
  ['decode, four tokens', 'decode', { tokensPerMicrobatch: 4, routing: 'statistical' }, []],
  ['prefill by a file of loads', 'prefill', { promptLengths: [48, 40], expertLoads: LOADS }, []],
  ['training with a wider bias', 'train', { tokensPerMicrobatch: 32 }, ['biasDeviation=0.05']],
  [
    'top-16 of softmax scores',
    'decode',
    { tokensPerMicrobatch: 16, model: 'qwen3-235b-a22b', routing: 'skewed' },
    ['model.topK=16'],
  ],
  ['top-1', 'prefill', { promptLengths: [64], model: 'gpt-oss-120b', routing: 'skewed' }, ['model.topK=1']],
] as const;

const route = (
  calls: RoutedCall[],
  ...[scenario, flags, settings]: [string, object, readonly string[]]
): RoutingFigures =>
  routingFigures(
    resolveConfiguration({ scenario, flags: { ...small, ...flags }, settings: [TWO_NODES, ...settings] }),
    (call) => calls.push(call),
  );

describe('routing', () => {
  const temporary = new TemporaryFolder();
  after(() => {
    temporary.remove();
  });

  for (const [what, scenario, flags, settings] of CASES) {
    it(`moves the rows that routing alone says, and their tokens come out right: ${what}`, async () => {
      const sources = { scenario, flags: { ...small, ...flags }, settings: [TWO_NODES, ...settings] };
      const run = await runLocally(resolveConfiguration(sources));
      const calls: RoutedCall[] = [];
      const { layers, problems } = route(calls, scenario, flags, settings);
      const { imbalance } = figuresOf(run);
      expect(problems.filter(({ severity }) => severity === 'error')).to.deep.equal([]);
      // Training's other micro-batch dispatches a chunk later, or before virtual time 0.
      if (scenario !== 'train') {
        imbalance.forEach(({ levels, ...figures }, index) => {
          expect(layers[index]).to.deep.include(figures);
          expect(layers[index].levels).to.deep.include(levels);
        });
        expect(imbalance).to.have.length(layers.length);
        const received = run.timelines.map(({ receipts }) =>
          receipts.column('expertRows').reduce((sum, of) => sum + of, 0),
        );
        const counted = run.timelines.map(({ rank }) =>
          calls.reduce((sum, { rankRows }) => sum + rankRows[rank].rows, 0),
        );
        expect(received).to.deep.equal(counted);
      }
      const totals = emptyNumerics();
      for (const found of run.numerics) addNumerics(totals, found);
      expect(totals).to.include({ missing: 0, duplicated: 0, wrong: 0 });
      expect(totals.tokensChecked).to.be.above(0);
      expect(replayedDigest(run)).to.equal(run.digest);
    });
  }

  it('by loads has one digest: in this process, and in processes that speak over sockets', async () => {
    const flags = { ...small, tokensPerMicrobatch: 32, expertLoads: LOADS };
    const { digest } = await runLocally(resolveConfiguration({ scenario: 'decode', flags, settings: [TWO_NODES] }));
    const out = join(temporary.path, 'sockets');
    const sizes = ['--ranks', '8', '--layers', '2', '--tokens-per-microbatch', '32', '--ranks-per-worker', '4'];
    const args = ['run', 'decode', ...sizes, '--expert-loads', LOADS, '--set', TWO_NODES, '--out', out, '--json'];
    const { code, stdout, stderr } = await new CliProcess(args).end;
    expect(code, stderr).to.equal(0);
    const report = JSON.parse(stdout) as { digest: string; routing: string };
    expect(report).to.include({ digest, routing: 'measured' });
    const repeated = await new CliProcess([
      'run',
      join(out, 'config.json'),
      '--fabric',
      'memory',
      '--out',
      `${out}-2`,
      '--json',
    ]).end;
    expect((JSON.parse(repeated.stdout) as { digest: string }).digest).to.equal(digest);
    // People are shown the file's name, not its 15,000 counts.
    expect(readFileSync(join(out, 'report.html'), 'utf8')).to.include(`&quot;expertLoads&quot;: &quot;${LOADS}&quot;`);
  });

  it('of equal ranks is equal in every call when balanced, and uneven as the law says when skewed', () => {
    const calls: RoutedCall[] = [];
    const [layer] = route(calls, 'decode', { tokensPerMicrobatch: 64 }, []).layers;
    expect(layer).to.include({ expertMaxOverMean: 1, rankMaxOverMean: 1, nodeMaxOverMean: 1, gini: 0 });
    for (const { expertRows } of calls) expect(new Set(expertRows).size).to.equal(1);
    const fullest = (exponent: number): number =>
      route([], 'decode', { tokensPerMicrobatch: 256, layers: 1 }, [`routingSkew.exponent=${exponent}`]).layers[0]
        .expertMaxOverMean;
    for (const exponent of [0.3, 0.6]) {
      const sum = Array.from({ length: 256 }, (_, r) => (r + 1) ** -exponent).reduce((total, load) => total + load, 0);
      expect(fullest(exponent) / (256 / sum)).to.be.closeTo(1, 0.1);
    }
  });

  it('keeps hot experts hot over steps, and a hot layer hotter than the others', () => {
    const calls: RoutedCall[] = [];
    const { layers } = route(calls, 'decode', { tokensPerMicrobatch: 64, steps: 4, routing: 'skewed' }, [
      'routingSkew.hotLayer=1',
    ]);
    const hottest = (layer: number): Set<number> =>
      new Set(
        calls
          .filter((call) => call.layer === layer)
          .map(({ expertRows }) => expertRows.indexOf(Math.max(...expertRows))),
      );
    expect([hottest(0).size, hottest(1).size]).to.deep.equal([1, 1]);
    expect(layers[1].levels.expert.gini).to.be.above(layers[0].levels.expert.gini + 0.1);
  });

  it('is printed and linted by a command, in words and as JSON', async () => {
    const args = ['routing', 'decode', '--ranks', '8', '--layers', '1', '--tokens-per-microbatch', '2'];
    const skewed = [...args, '--set', 'routingSkew.exponent=3'];
    const text = await new CliProcess(skewed).end;
    expect(text.code, text.stderr).to.equal(0);
    expect(text.stdout).to.match(/^skewed routing of 8 ranks/);
    expect(text.stdout).to.match(
      /warning: layer 0, .* rows a token are loaded on expert \d+, but a token goes to it once/,
    );
    const { stdout } = await new CliProcess([...skewed, '--calls', '--json']).end;
    const { layers, calls } = JSON.parse(stdout) as RoutingFigures & { calls: RoutedCall[] };
    expect(layers[0]).to.have.all.keys(
      ...['layer', 'expertMaxOverMean', 'rankMaxOverMean', 'nodeMaxOverMean', 'gini', 'emptyRanks', 'levels'],
      ...['rowsOfExpert', 'rowsOfRank'],
    );
    const empty = calls.flatMap(({ rankRows }) => rankRows.filter(({ rows }) => rows === 0).map(({ rank }) => rank));
    expect(layers[0].emptyRanks).to.deep.equal([...new Set(empty)].sort((a, b) => a - b));
  });

  it('that is wrong is told: an expert twice, too many groups, weights, unequal rows', () => {
    const shape = {
      experts: 8,
      topK: 2,
      groups: 4,
      topGroups: 1,
      groupScoreExperts: 2,
      ranks: 1,
      rankSize: 8,
      nodeSize: 1,
    };
    const request: RoutingRequest = { kind: 'balanced', seed: 1, layer: 0, microBatch: 0, rank: 0, tokens: 4, shape };
    const lint = (ids: number[], weight = 0.5, kind = request.kind): string =>
      lintCall({ ...request, kind }, Uint16Array.from(ids), new Float32Array(8).fill(weight))
        .map(({ severity, message }) => `${severity}: ${message}`)
        .join('; ');
    const even = [0, 1, 2, 3, 4, 5, 6, 7];
    expect(lint(even)).to.equal('');
    expect(lint([0, 0, 2, 3, 4, 5, 6, 7])).to.match(
      /error: token 0 goes to the experts 0, 0, .*; error: balanced routing gives experts 0 to 2 rows/,
    );
    expect(lint([0, 2, 1, 3, 4, 5, 6, 7])).to.match(/^warning: 2 tokens \(the first: 0\) go to more than 1 of the 4/);
    expect(lint([0, 2, 1, 3, 4, 5, 6, 7], 0.5, 'statistical')).to.match(/^error: 2 tokens/);
    expect(lint(even, 0.6)).to.match(/^error: the weights of token 0 add up to 1.2/);
  });
});
