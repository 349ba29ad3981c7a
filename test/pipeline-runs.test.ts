import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { resolveConfiguration } from '@epemu/config';
import type { Configuration } from '@epemu/config';
import type { PipelineReport } from '@epemu/outputs';
import type { PipelineSchedule } from '@epemu/pipelines';
import { addNumerics, emptyNumerics } from '@epemu/rank';
import type { NumericsTotals } from '@epemu/rank';
import { expect } from 'chai';
import { replayedDigest, runLocally } from './support/local-run.js';
import type { LocalRun } from './support/local-run.js';
import { CliProcess } from './support/run-cli.js';
import { TemporaryFolder } from './support/temporary.js';

interface Size {
  readonly schedule: PipelineSchedule;
  readonly ranks: number;
  readonly microBatches: number;
  readonly chunks?: number;
  readonly layers: number;
}

const GROUP = 2;

function configurationOf(size: Size, tokens = 32): Configuration {
  const { schedule, ranks, microBatches, chunks = 1, layers } = size;
  return resolveConfiguration({
    scenario: 'pipeline',
    flags: {
      ...{ pipeline: { schedule, ranks, chunks }, ranks: ranks * GROUP, layers, tokensPerMicrobatch: tokens },
      ...{ fabric: 'memory', threads: 1, ranksPerWorker: GROUP },
    },
    settings: [`schedule.microBatches=${microBatches}`],
  });
}

function numericsOf({ numerics }: LocalRun): NumericsTotals {
  const totals = emptyNumerics();
  for (const found of numerics) addNumerics(totals, found);
  return totals;
}

const SIZES: readonly Size[] = [
  { schedule: '1f1b', ranks: 2, microBatches: 4, layers: 2 },
  { schedule: '1f1b', ranks: 3, microBatches: 2, layers: 6 },
  { schedule: 'interleaved-1f1b', ranks: 2, microBatches: 4, chunks: 2, layers: 4 },
  { schedule: 'zb1p', ranks: 2, microBatches: 4, layers: 4 },
  { schedule: 'dualpipev', ranks: 2, microBatches: 4, layers: 4 },
  { schedule: 'dualpipe', ranks: 2, microBatches: 4, layers: 2 },
  { schedule: 'dualpipe', ranks: 4, microBatches: 8, layers: 4 },
];

const nameOf = ({ schedule, ranks, microBatches, layers }: Size): string =>
  `${schedule} on ${ranks} ranks, ${microBatches} micro-batches, ${layers} layers`;

describe('pipelines with an EP group on each rank', () => {
  const temporary = new TemporaryFolder();
  after(() => {
    temporary.remove();
  });

  for (const size of SIZES) {
    describe(nameOf(size), () => {
      let run: LocalRun;
      before(async () => {
        run = await runLocally(configurationOf(size));
      });

      it('brings every micro-batch through all layers and its gradient back, as the plain model does', () => {
        const { chainsChecked, missing, duplicated, wrong } = numericsOf(run);
        const chains = size.microBatches * GROUP * 2;
        expect({ chainsChecked, missing, duplicated, wrong }).to.deep.equal({
          ...{ chainsChecked: chains, missing: 0, duplicated: 0, wrong: 0 },
        });
      });

      it('is replayed to the same digest', () => {
        expect(replayedDigest(run)).to.equal(run.digest);
      });
    });
  }

  it('gives each token of two stages and four micro-batches the plain model’s output and gradient', async () => {
    // With one token a micro-batch, the one that is followed through all layers is every one there is.
    const run = await runLocally(configurationOf({ schedule: '1f1b', ranks: 2, microBatches: 4, layers: 4 }, 1));
    const { chainsChecked, wrong, maxRelativeError } = numericsOf(run);
    expect({ chainsChecked, wrong }).to.deep.equal({ chainsChecked: 4 * GROUP * 2, wrong: 0 });
    expect(maxRelativeError).to.be.below(1e-5);
  });

  it('computes the same rows of the same experts in any schedule', async () => {
    const rowsOf = async (schedule: PipelineSchedule): Promise<number> => {
      const { records } = await runLocally(configurationOf({ schedule, ranks: 2, microBatches: 4, layers: 4 }));
      return records.reduce((sum, { expertHashes }) => sum + expertHashes.count, 0);
    };
    const of1f1b = await rowsOf('1f1b');
    for (const schedule of ['zb1p', 'dualpipev', 'dualpipe'] as const) expect(await rowsOf(schedule)).to.equal(of1f1b);
  });

  describe('in processes over sockets', () => {
    let digest: string;
    let stdout: string;
    let report: { digest: string; pipeline: PipelineReport };
    before(async () => {
      ({ digest } = await runLocally(configurationOf({ schedule: 'dualpipe', ranks: 2, microBatches: 4, layers: 2 })));
      const out = join(temporary.path, 'dualpipe');
      const flags = [
        '--schedule',
        'dualpipe',
        '--pp',
        '2',
        '--ep',
        '2',
        '--micro-batches',
        '4',
        '--ranks-per-worker',
        '2',
      ];
      const more = ['--tokens-per-microbatch', '32', '--threads', '1', '--out', out];
      const ended = await new CliProcess(['run', 'pipeline', ...flags, ...more]).end;
      expect(ended.code, ended.stderr).to.equal(0);
      ({ stdout } = ended);
      report = JSON.parse(readFileSync(join(out, 'report.json'), 'utf8')) as typeof report;
    });

    it('has the same digest', () => {
      expect(report.digest).to.equal(digest);
    });

    it('tells bubble and memory of each rank of the pipeline beside the closed forms', () => {
      const { ranks, published, stepUs, cellUs } = report.pipeline;
      expect(ranks.map(({ name, stages, activations }) => ({ name, stages, activations }))).to.deep.equal([
        { name: 'pp-0', stages: 2, activations: published.activations },
        { name: 'pp-1', stages: 2, activations: published.activations },
      ]);
      for (const { bubbleUs, parametersGB, activationsGB } of ranks) {
        expect(bubbleUs).to.be.within(0, stepUs);
        expect(Math.min(parametersGB, activationsGB)).to.be.above(0);
      }
      expect(cellUs.FB).to.be.within(Math.max(cellUs.F!, cellUs.B!) / 2, cellUs.F! + cellUs.B!);
      expect(stdout)
        .to.match(/^pp-1 .* 2 stages, .* 3 chunks$/m)
        .and.to.match(/^rank 1 +f0·*f0/m);
    });

    it('gives its cells to a larger pipeline that is timed in units, and says that nothing else was emulated', async () => {
      const size = ['run', 'pipeline', '--schedule', 'dualpipe', '--pp', '8', '--micro-batches', '40'];
      const unit = ['--unit', join(temporary.path, 'dualpipe')];
      const { code, stdout: json, stderr } = await new CliProcess([...size, ...unit, '--json']).end;
      expect(code, stderr).to.equal(0);
      const { cellUs } = report.pipeline;
      const of = (us: number | null): number => Number((us! / 1000).toFixed(4));
      expect((JSON.parse(json) as { unit: object }).unit).to.deep.equal({
        ...{ F: of(cellUs.F), B: of(cellUs.B), W: of(cellUs.W), FB: of(cellUs.FB) },
      });
      const told = await new CliProcess([...size, ...unit]).end;
      expect(told.stdout).to.include('EP groups of 2, 1 layer a stage. No rank beside these was emulated.');
    });

    it('draws the cells of each rank on the page, every one once', () => {
      const page = readFileSync(join(temporary.path, 'dualpipe', 'report.html'), 'utf8');
      const parts = report.pipeline.ranks.flatMap(({ cells }) => cells.flatMap((cell) => cell.parts));
      expect(page.match(/<title>(?:forward|backward[a-z ]*) of micro-batch \d+, /g)).to.have.length(parts.length);
      expect(page).to.include('id="pipeline-chart-title"');
    });

    it('begins no cell before what it works on can have come from the stage before', () => {
      // A gradient goes on before the cell's weights are done, and a pair sends the one while it works on the other.
      const wayOf = (work: string): string => (work === 'backward for input' ? 'backward' : work);
      const sent = new Map<string, number>();
      const cells = report.pipeline.ranks.flatMap(({ cells: own }) => own);
      for (const { startUs, endUs, parts } of cells) {
        const isForwardAlone = parts.length === 1 && parts[0].work === 'forward';
        for (const { work, stage, microBatch } of parts) {
          sent.set(`${wayOf(work)} ${stage} ${microBatch}`, isForwardAlone ? endUs : startUs);
        }
      }
      const checked = cells.flatMap(({ startUs, parts }) =>
        parts.flatMap(({ work, stage, microBatch }) => {
          if (work === 'backward for weights') return [];
          const before = sent.get(`${wayOf(work)} ${stage + (work === 'forward' ? -1 : 1)} ${microBatch}`);
          return before === undefined ? [] : [startUs - before];
        }),
      );
      expect(checked).to.have.length(2 * 4);
      expect(Math.min(...checked)).to.be.above(0);
    });
  });

  const refused: readonly [string, readonly string[], string][] = [
    ['an odd number of ranks', ['--pp', '3'], '--pp is 3, but dualpipe pairs ranks from both ends'],
    ['too few micro-batches', ['--pp', '4', '--micro-batches', '6'], '--micro-batches is 6, but dualpipe needs twice'],
    ['layers that do not divide', ['--pp', '4', '--layers', '6'], 'layers is 6, but dualpipe on 4 ranks has 4 stages'],
    ['experts that do not divide', ['--pp', '4', '--ep', '3'], 'has 3 ranks for the 256 experts'],
    ['ranks beside their factors', ['--ranks', '64'], '--ranks is given, but a pipeline has --pp times --ep of them'],
    ['cells of a run that there is not', ['--unit', 'nowhere'], '--unit names nowhere, which there is not'],
    ['cells of a folder without a pipeline', ['--unit', 'examples'], 'whose report cannot be read'],
    [
      'more cells than can be run',
      ['--micro-batches', '3000'],
      'schedule.microBatches is 3000, but 3018 cells of a rank',
    ],
    [
      'ranks with other tokens than their peers',
      ['--pp', '2', '--ep', '1', '--micro-batches', '4', '--rank-tokens', '8,16'],
      'which need as many',
    ],
    ['more than one step', ['--steps', '2'], 'steps is 2, but a pipeline runs one step'],
  ];
  for (const [what, flags, message] of refused) {
    it(`refuses ${what} in one sentence, and starts nothing`, async () => {
      const { code, stdout, stderr } = await new CliProcess(['run', 'pipeline', ...flags]).end;
      expect({ code, stdout }).to.deep.equal({ code: 2, stdout: '' });
      expect(stderr).to.include(message);
      expect(stderr.trimEnd().split('\n')).to.have.length(1);
    });
  }
});
