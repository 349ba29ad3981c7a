import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { resolveConfiguration } from '@epemu/config';
import type { Configuration } from '@epemu/config';
import { addNumerics, emptyNumerics } from '@epemu/rank';
import type { NumericsTotals } from '@epemu/rank';
import { transferOperations } from '@epemu/schedule';
import { expect } from 'chai';
import { CliProcess } from './support/run-cli.js';
import { replayedDigest, runLocally } from './support/local-run.js';
import type { LocalRun } from './support/local-run.js';
import { TemporaryFolder } from './support/temporary.js';

const FOLDER = 'examples';
const files = readdirSync(FOLDER)
  .filter((name) => name.endsWith('.yaml'))
  .sort();

function configurationOf(file: string): Configuration {
  return resolveConfiguration({ scenario: join(FOLDER, file), flags: { fabric: 'memory', threads: 1 } });
}

function numericsOf({ numerics }: LocalRun): NumericsTotals {
  const totals = emptyNumerics();
  for (const found of numerics) addNumerics(totals, found);
  return totals;
}

/** Chains of each rank that has a first or last layer of its own to check. */
const CHAINS: Readonly<Record<string, number>> = {
  // Three micro-batches on 16 ranks, and two in each of four steps.
  'decode-three-micro-batches.yaml': 3 * 16,
  'decode-steps.yaml': 2 * 4 * 16,
  // Four micro-batches on the four ranks of the last stage; one on each rank that attends.
  'two-stage-pipeline.yaml': 4 * 4,
  'attention-and-expert-ranks.yaml': 4,
  // Two micro-batches forward to the two ranks of the last stage, and back to those of the first.
  'pipeline-training.yaml': 2 * 2 * 2,
};

describe('the examples', () => {
  const temporary = new TemporaryFolder();
  const runs = new Map<string, LocalRun>();
  before(async () => {
    for (const file of files) runs.set(file, await runLocally(configurationOf(file)));
  });
  after(() => {
    temporary.remove();
  });

  it('are all looked at here', () => {
    expect(files).to.deep.equal(Object.keys(CHAINS).sort());
  });

  for (const file of files) {
    it(`${file} is short, and says how to run it`, () => {
      const lines = readFileSync(join(FOLDER, file), 'utf8').trimEnd().split('\n');
      expect(lines.length).to.be.below(60);
      expect(lines.join('\n')).to.include(`#   epemu run examples/${file}`);
    });

    it(`${file} computes what the model computes, through all layers`, () => {
      const { tokensChecked, chainsChecked, missing, duplicated, wrong } = numericsOf(runs.get(file)!);
      expect({ chainsChecked, missing, duplicated, wrong }).to.deep.equal({
        ...{ chainsChecked: CHAINS[file], missing: 0, duplicated: 0, wrong: 0 },
      });
      expect(tokensChecked).to.be.above(0);
    });

    it(`${file} gives one digest: in this process, replayed, and in processes over sockets`, async () => {
      const { digest } = runs.get(file)!;
      expect(replayedDigest(runs.get(file)!)).to.equal(digest);
      const out = join(temporary.path, file);
      const { ranks } = configurationOf(file);
      const flags = ['--fabric', 'websocket', '--ranks-per-worker', String(ranks / 2), '--out', out];
      const { code, stderr } = await new CliProcess(['run', join(FOLDER, file), ...flags]).end;
      expect(code, stderr).to.equal(0);
      const report = JSON.parse(readFileSync(join(out, 'report.json'), 'utf8')) as { digest: string };
      expect(report.digest).to.equal(digest);
    });
  }

  it('hand tokens from stage to stage as bytes of both ends’ ports', () => {
    const { program, timelines, configuration } = runs.get('two-stage-pipeline.yaml')!;
    const sends = transferOperations(program).filter(({ collective }) => collective!.type === 'send');
    expect(sends).to.have.lengthOf(4);
    const bytesOf = (rank: number, type: 'send' | 'receive'): number => {
      const { services } = timelines[rank];
      const [operations, bytes] = [services.column('operation'), services.column('bytes')];
      return bytes.reduce(
        (sum, of, i) => sum + (program.operations[operations[i]].collective!.type === type ? of : 0),
        0,
      );
    };
    const perToken = configuration.model.bytesPerToken.pipeline;
    const tokens = configuration.promptLengths!.reduce((sum, length) => sum + length, 0);
    for (let rank = 0; rank < 4; rank++) {
      expect(bytesOf(rank, 'send')).to.equal(tokens * perToken);
      expect(bytesOf(rank + 4, 'receive')).to.equal(tokens * perToken);
    }
  });

  it('leave attention ranks without rows for experts, and expert ranks without tokens', () => {
    const { records, timelines } = runs.get('attention-and-expert-ranks.yaml')!;
    const rows = records.map(({ expertHashes }) => expertHashes.column('rows').reduce((sum, of) => sum + of, 0));
    expect(rows.slice(0, 4)).to.deep.equal([0, 0, 0, 0]);
    // 4 ranks of 2 × 64 tokens with 8 experts each, in each of two layers.
    expect(rows[4] + rows[5]).to.equal(4 * 128 * 8 * 2);
    expect(timelines[4].receipts.count).to.be.above(0);
    expect(timelines[0].receipts.count).to.equal(0);
  });

  it('let the KV grow by a token a step', async () => {
    const scenario = join(FOLDER, 'decode-steps.yaml');
    // Without jitter a phase takes what the model of its kernels says.
    const configuration = resolveConfiguration({ scenario, flags: { fabric: 'memory', layers: 1, jitter: 0 } });
    const { program, timelines } = await runLocally(configuration);
    const attention = program.kernels.findIndex(({ category }) => category === 'attention decode');
    const [kernels, operations, starts, ends] = (['kernel', 'operation', 'startNs', 'endNs'] as const).map((name) =>
      timelines[0].events.column(name),
    );
    const ofStep = new Map<number, number>();
    kernels.forEach((kernel, row) => {
      if (kernel !== attention) return;
      const { step } = program.operations[operations[row]];
      ofStep.set(step, (ofStep.get(step) ?? 0) + ends[row] - starts[row]);
    });
    const times = [...ofStep].sort(([a], [b]) => a - b).map(([, ns]) => ns);
    expect(times).to.have.lengthOf(4);
    for (let step = 1; step < 4; step++) expect(times[step]).to.be.above(times[step - 1]);
  });

  it('may be varied: pipelines side by side, a group of two attending roles, expert ranks of two roles', async () => {
    const pipeline = readFileSync(join(FOLDER, 'two-stage-pipeline.yaml'), 'utf8')
      .replace(/ {2}stage-0:.*\n {2}stage-1:.*\n/, () =>
        ['a0: { ranks: 0-1, layers: 0-1 }', 'b0: { ranks: 2-3, layers: 0-1 }', 'a1: { ranks: 4-5, layers: 2-3 }']
          .concat('b1: { ranks: 6-7, layers: 2-3 }')
          .map((line) => `  ${line}\n`)
          .join(''),
      )
      .replace('roles: [stage-1]', 'roles: [a1, b1]')
      .replace('roles: [stage-0]', 'roles: [a0, b0]');
    const split = readFileSync(join(FOLDER, 'attention-and-expert-ranks.yaml'), 'utf8');
    const attending = split
      .replace('attention: { ranks: 0-3,', 'left: { ranks: 0-1, group: moe }\n  right: { ranks: 2-3,')
      .replaceAll('roles: [attention]', 'roles: [left, right]');
    const experts = split
      .replace('experts: { ranks: 4-5,', 'even: { ranks: 4, group: moe }\n  odd: { ranks: 5,')
      .replace('roles: [experts]', 'roles: [even, odd]');
    for (const [text, chains] of [
      [pipeline, 4 * 4],
      [attending, 4],
      [experts, 4],
    ] as const) {
      const scenario = join(temporary.path, 'varied.yaml');
      writeFileSync(scenario, text);
      const run = await runLocally(resolveConfiguration({ scenario, flags: { fabric: 'memory', threads: 1 } }));
      const { chainsChecked, missing, wrong } = numericsOf(run);
      expect({ chainsChecked, missing, wrong }).to.deep.equal({ chainsChecked: chains, missing: 0, wrong: 0 });
      expect(replayedDigest(run)).to.equal(run.digest);
    }
  });
});
