import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { resolveConfiguration } from '@epemu/config';
import { figuresOf, routingFigures, RunTimer } from '@epemu/experiments';
import type { RoutedCall, RoutedLayer } from '@epemu/experiments';
import type { Report } from '@epemu/outputs';
import { addNumerics, emptyNumerics } from '@epemu/rank';
import { expect } from 'chai';
import { replayedDigest, runLocally } from './support/local-run.js';
import type { LocalRun } from './support/local-run.js';
import { CliProcess } from './support/run-cli.js';
import { TemporaryFolder } from './support/temporary.js';

const LOADS = 'examples/expert-loads.csv';
const small = { ranks: 8, layers: 2, threads: 1, fabric: 'memory' };
const TWO_NODES = 'hardware.nodeSize=4';

const CASES = [
  ['decode, skewed', 'decode', { tokensPerMicrobatch: 32, routing: 'skewed', redundantExperts: 32 }],
  ['decode, balanced', 'decode', { tokensPerMicrobatch: 16, redundantExperts: 8 }],
  ['prefill by a file, placed only', 'prefill', { promptLengths: [48, 40], expertLoads: LOADS, eplb: true }],
  [
    'prefill, global',
    'prefill',
    { promptLengths: [48, 40], expertLoads: LOADS, redundantExperts: 64, eplbPolicy: 'global' },
  ],
  ['training', 'train', { tokensPerMicrobatch: 32, routing: 'biased', redundantExperts: 16 }],
] as const;

describe('EPLB in runs', () => {
  const temporary = new TemporaryFolder();
  after(() => {
    temporary.remove();
  });

  for (const [what, scenario, flags] of CASES) {
    it(`brings each token to a replica of its experts, whose weights are the expert’s: ${what}`, async () => {
      const configuration = resolveConfiguration({ scenario, flags: { ...small, ...flags }, settings: [TWO_NODES] });
      const run = await runLocally(configuration);
      const totals = emptyNumerics();
      for (const found of run.numerics) addNumerics(totals, found);
      expect(totals).to.include({ missing: 0, duplicated: 0, wrong: 0 });
      expect(totals.tokensChecked).to.be.above(0);
      expect(totals.chainsChecked).to.be.above(0);
      expect(replayedDigest(run)).to.equal(run.digest);
      // Whoever only times a run has the same layouts.
      const timed = await new RunTimer().time(configuration);
      const startsOf = ({ timelines }: Pick<LocalRun, 'timelines'>): number[][] =>
        timelines.map(({ events }) => [...events.column('startNs')]);
      expect(startsOf(timed)).to.deep.equal(startsOf(run));
      if (scenario === 'train') return;
      const calls: RoutedCall[] = [];
      const { layers } = routingFigures(configuration, (call) => calls.push(call));
      figuresOf(run).imbalance.forEach(({ rankMaxOverMean, expertMaxOverMean, emptyRanks }, index) => {
        expect(layers[index]).to.deep.include({ rankMaxOverMean, expertMaxOverMean, emptyRanks });
      });
      const received = run.timelines.map(({ receipts }) =>
        receipts.column('expertRows').reduce((sum, of) => sum + of, 0),
      );
      expect(received).to.deep.equal(run.timelines.map(({ rank }) => rowsOf(calls, rank)));
    });
  }

  for (const { ranks, redundantExperts } of [
    { ranks: 144, redundantExperts: 32 },
    { ranks: 320, redundantExperts: 64 },
  ]) {
    it(`has EP${ranks} of DeepSeek-V3 with ${redundantExperts} redundant experts`, async () => {
      const configuration = resolveConfiguration({
        scenario: 'decode',
        flags: { ...small, ranks, redundantExperts, layers: 1, tokensPerMicrobatch: 2, payload: { kind: 'none' } },
      });
      const run = await runLocally(configuration);
      const rows = run.timelines.map(({ receipts }) => receipts.column('expertRows').reduce((sum, of) => sum + of, 0));
      expect(rows.reduce((sum, of) => sum + of, 0)).to.equal(ranks * 2 * 2 * 8);
      expect(replayedDigest(run)).to.equal(run.digest);
    });
  }

  it('evens ranks out as TensorRT-LLM’s blog 4 counted on DeepSeek-R1 at EP32: table 1, 9 slots a rank', () => {
    const layersOf = (redundantExperts: number): readonly RoutedLayer[] => {
      const flags = { ranks: 32, layers: 6, tokensPerMicrobatch: 256, routing: 'skewed', redundantExperts };
      return routingFigures(resolveConfiguration({ scenario: 'decode', flags }), () => undefined).layers;
    };
    const over = (layers: readonly RoutedLayer[], of: (layer: RoutedLayer) => number): number =>
      layers.reduce((sum, layer) => sum + of(layer), 0) / layers.length;
    const nine = layersOf(32);
    // (max − mean) / mean of ranks: 1.564 without, 0.109 with; of expert slots 10.948 and 1.792.
    expect(over(nine, ({ withoutEplb }) => withoutEplb!.levels.rank.excess)).to.be.within(0.78, 3.1);
    expect(over(nine, ({ levels }) => levels.rank.excess)).to.be.within(0.05, 0.2);
    expect(over(nine, ({ withoutEplb }) => withoutEplb!.expertMaxOverMean - 1)).to.be.within(8, 15);
    expect(over(nine, ({ levels }) => levels.expert.excess)).to.be.within(0.9, 3.6);
    // Placed alone, without replicas: the hottest expert stays on one rank.
    const placed = over(layersOf(0), ({ levels }) => levels.rank.excess);
    expect(placed).to.be.within(
      over(nine, ({ levels }) => levels.rank.excess),
      1.564,
    );
  });

  it('shortens a skewed run, and is told in report, page, metrics and summary; a configuration repeats it', async () => {
    const args = [
      '--ranks',
      '8',
      '--layers',
      '2',
      '--prompt-lengths',
      '2048,2048',
      '--fabric',
      'memory',
      '--payload',
      'none',
    ];
    const runOf = async (name: string, ...more: string[]): Promise<{ report: Report; text: string; out: string }> => {
      const out = join(temporary.path, name);
      const { code, stdout, stderr } = await new CliProcess(['run', ...more, '--out', out]).end;
      expect(code, stderr).to.equal(0);
      return { report: JSON.parse(readFileSync(join(out, 'report.json'), 'utf8')) as Report, text: stdout, out };
    };
    const plain = await runOf('plain', 'prefill', ...args, '--routing', 'skewed');
    const placed = await runOf('placed', 'prefill', ...args, '--routing', 'skewed', '--redundant-experts', '32');
    expect(placed.report.timeline!.spanUs).to.be.lessThan(plain.report.timeline!.spanUs);
    expect(plain.report).not.to.have.property('eplb');
    expect(placed.report.eplb).to.include({ policy: 'hierarchical', replicas: 288, redundantExperts: 32 });
    placed.report.imbalance.forEach(({ withoutEplb, rankMaxOverMean }, index) => {
      // The router chose as it did without: only who got the rows differs.
      expect(withoutEplb!.rankMaxOverMean).to.equal(plain.report.imbalance[index].rankMaxOverMean);
      expect(withoutEplb!.expertMaxOverMean).to.equal(plain.report.imbalance[index].expertMaxOverMean);
      expect(rankMaxOverMean).to.be.lessThan(withoutEplb!.rankMaxOverMean);
    });
    expect(placed.text).to.match(
      /^EPLB {8}hierarchical, 288 replicas \(32 redundant\): fullest rank 1\.\d+ of the mean/m,
    );
    expect(readFileSync(join(placed.out, 'metrics.prom'), 'utf8')).to.match(
      /^epemu_imbalance_without_eplb_ratio\{.*layer="0".*of="rank".*\} [\d.]+$/m,
    );
    expect(readFileSync(join(placed.out, 'report.html'), 'utf8')).to.include('fullest rank without EPLB');
    const repeated = await runOf('repeated', join(placed.out, 'config.json'));
    expect(repeated.report.digest).to.equal(placed.report.digest);
    const off = await runOf('off', join(placed.out, 'config.json'), '--set', 'eplb=false');
    expect(off.report.digest).to.equal(plain.report.digest);
  });

  it('is seen by --dry-run, and refused in one sentence where replicas do not divide', async () => {
    const dry = await new CliProcess(['run', 'prefill', '--redundant-experts', '32', '--dry-run']).end;
    expect(dry.code, dry.stderr).to.equal(0);
    expect(dry.stdout).to.include('"redundantExperts": 32');
    const { code, stderr } = await new CliProcess(['run', 'prefill', '--redundant-experts', '33', '--dry-run']).end;
    expect(code).to.equal(2);
    expect(stderr).to.match(/^epemu: redundantExperts is 33, but .* do not divide among 32 ranks; use 64\n$/);
  });
});

function rowsOf(calls: readonly RoutedCall[], rank: number): number {
  return calls.reduce((sum, { rankRows }) => sum + rankRows[rank].rows, 0);
}
