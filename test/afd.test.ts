import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { resolveConfiguration } from '@epemu/config';
import { afdScenario } from '@epemu/experiments';
import { loadModel } from '@epemu/presets';
import { addNumerics, emptyNumerics } from '@epemu/rank';
import { expect } from 'chai';
import { replayedDigest, runLocally } from './support/local-run.js';
import type { LocalRun } from './support/local-run.js';
import { CliProcess, runCli } from './support/run-cli.js';
import { TemporaryFolder } from './support/temporary.js';

const MODEL = loadModel('qwen3-235b-a22b');

async function runAfd(microBatches: number): Promise<LocalRun> {
  const size = { attention: 4, ffn: 2, microBatches };
  const flags = { fabric: 'memory', threads: 1, layers: 2, tokensPerMicrobatch: 8 };
  return runLocally(resolveConfiguration({ scenario: afdScenario(size, MODEL), flags }));
}

interface Sweep {
  readonly best: number;
  readonly points: readonly Record<string, number>[];
}

async function sweep(flags: readonly string[]): Promise<Sweep> {
  const { code, stdout, stderr } = await runCli(['run', 'afd', '--json', '--threads', '1', ...flags]);
  expect(code, stderr).to.equal(0);
  return JSON.parse(stdout) as Sweep;
}

describe('attention and experts on different ranks', () => {
  const temporary = new TemporaryFolder();
  after(() => {
    temporary.remove();
  });

  for (const microBatches of [2, 3]) {
    describe(`with ${microBatches} micro-batches under way`, () => {
      let run: LocalRun;
      before(async () => {
        run = await runAfd(microBatches);
      });

      it('computes what the model computes on ranks that do both', () => {
        const totals = emptyNumerics();
        for (const found of run.numerics) addNumerics(totals, found);
        const { chainsChecked, missing, duplicated, wrong } = totals;
        expect({ chainsChecked, missing, duplicated, wrong }).to.deep.equal({
          ...{ chainsChecked: 4 * microBatches, missing: 0, duplicated: 0, wrong: 0 },
        });
      });

      it('is replayed to the same digest', () => {
        expect(replayedDigest(run)).to.equal(run.digest);
      });

      it('moves tokens from those that attend to those with experts alone', () => {
        const received = run.timelines.map(({ receipts }) => receipts.count > 0);
        expect(received).to.deep.equal([false, false, false, false, true, true]);
      });
    });
  }

  it('has the same digest in processes over sockets', async () => {
    const out = join(temporary.path, 'afd');
    const flags = ['--attention', '4', '--ffn', '2', '--layers', '2', '--tokens-per-microbatch', '8', '--out', out];
    const { code, stderr } = await new CliProcess(['run', 'afd', ...flags, '--ranks-per-worker', '3']).end;
    expect(code, stderr).to.equal(0);
    const report = JSON.parse(readFileSync(join(out, 'report.json'), 'utf8')) as { digest: string };
    expect(report.digest).to.equal((await runAfd(2)).digest);
  });

  it('finds the best ratio within a step of the published sweep’s, and its curve up to there', async () => {
    const { points, best } = await sweep(['--ratios', '4,5,6,7']);
    expect(best).to.be.within(4, 6);
    for (const { shapeErrorPct } of points) expect(Math.abs(shapeErrorPct)).to.be.below(15);
  });

  it('gives the experts more to do, and each GPU more tokens, with eight attention ranks each instead of one', async () => {
    const { points } = await sweep(['--ratios', '1,8', '--tokens-per-microbatch', '8', '--layers', '4']);
    const [few, many] = points;
    expect(few['ffnBusyPct']).to.be.below(many['ffnBusyPct']);
    expect(few['tokensPerSecondPerGpu']).to.be.below(many['tokensPerSecondPerGpu']);
  });

  const refused: readonly [string, readonly string[], string][] = [
    ['a side without ranks', ['--attention', '0'], '--attention is 0, but it must be a whole number from 1'],
    ['experts that do not divide', ['--ffn', '3'], 'has 3 ranks for the 128 experts'],
    ['a single micro-batch', ['--micro-batches', '1'], 'one side is idle while the other works; use 2 or 3'],
    ['a ratio of no whole ranks', ['--ratios', '1.3'], '--ratios has 1.3, but 4 times it must be a whole number'],
    ['ranks beside their sum', ['--ranks', '24'], '--ranks is given, but afd has --attention and --ffn ranks'],
  ];
  for (const [what, flags, message] of refused) {
    it(`refuses ${what} in one sentence`, async () => {
      const { code, stdout, stderr } = await runCli(['run', 'afd', ...flags]);
      expect({ code, stdout }).to.deep.equal({ code: 2, stdout: '' });
      expect(stderr).to.include(message);
      expect(stderr.trimEnd().split('\n')).to.have.length(1);
    });
  }

  it('is no flag of another scenario', async () => {
    const { code, stderr } = await runCli(['run', 'decode', '--ffn', '4']);
    expect(code).to.equal(2);
    expect(stderr).to.include('--ffn is of the scenario afd and does nothing in decode');
  });
});
