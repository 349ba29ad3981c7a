import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { EXIT_CODE } from '@epemu/core';
import { expect } from 'chai';
import { runCli } from './support/run-cli.js';
import { TemporaryFolder } from './support/temporary.js';

const SMALL = ['--ranks', '8', '--tokens-per-microbatch', '32'];

interface Told {
  readonly base: { readonly stepMs: number };
  readonly tries: readonly { readonly what: string; readonly stepMs: number; readonly savedPct: number }[];
  readonly sentence: string;
}

describe('epemu advise', () => {
  const temporary = new TemporaryFolder();
  const saved = join(temporary.path, 'better');
  after(() => {
    temporary.remove();
  });

  it('ranks what helps a scenario, prints a command for each that gives what was said, and saves it', async () => {
    const { code, stdout, stderr } = await runCli(['advise', 'decode', ...SMALL, '--json', '--save', saved]);
    expect(code, stderr).to.equal(0);
    const { base, tries, sentence } = JSON.parse(stdout) as Told;
    expect(sentence).to.include(tries[0].what);
    expect(readdirSync(saved)).to.include('overlap-none.json');
    const found = tries.find(({ what }) => what === 'overlap none')!;
    const more = ['--fabric', 'memory', '--payload', 'none', '--json', '--out', join(temporary.path, 'run')];
    const run = await runCli(['run', join(saved, 'overlap-none.json'), ...more]);
    const { throughput } = JSON.parse(run.stdout) as { throughput: { stepMs: number } };
    expect(throughput.stepMs).to.equal(found.stepMs).and.below(base.stepMs);
  });

  it('prints the flags that the run had in the command of a change', async () => {
    const { stdout } = await runCli(['advise', 'decode', ...SMALL, '--jobs', '1', '--set', 'kvLength=2048']);
    expect(stdout).to.include(`epemu run decode ${SMALL.join(' ')} --set kvLength=2048 --set `);
  });

  it('refuses a folder without a run, and jobs that cannot be', async () => {
    const folder = await runCli(['advise', temporary.path]);
    expect(folder.code).to.equal(EXIT_CODE.badInput);
    expect(folder.stderr).to.include('has no config.json');
    const jobs = await runCli(['advise', 'decode', '--jobs', '0']);
    expect(jobs.code).to.equal(EXIT_CODE.badInput);
    expect(jobs.stderr).to.include('--jobs is 0');
  });
});
