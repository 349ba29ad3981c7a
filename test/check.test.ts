import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { EXIT_CODE } from '@epemu/core';
import { expect } from 'chai';
import { PROJECT } from './support/commands.js';
import { runCli } from './support/run-cli.js';
import { TemporaryFolder } from './support/temporary.js';

const SMALL = ['--ranks', '4', '--tokens-per-microbatch', '16', '--fabric', 'memory', '--payload', 'none'];

describe('epemu check', () => {
  const temporary = new TemporaryFolder();
  const run = join(temporary.path, 'run');
  const junit = join(temporary.path, 'budgets.xml');

  before(async () => {
    const required = ['--require', 'layer<=1s', '--require', 'phases[MLP(0)].meanUs>0', '--require', 'overlap<=1%'];
    const { code, stdout, stderr } = await runCli(['run', 'decode', ...SMALL, '--out', run, ...required]);
    // The run itself ended well, and says which of its requirements does not hold.
    expect(code, stderr).to.equal(EXIT_CODE.requirement);
    expect(stdout)
      .to.match(/^digest /m)
      .and.match(/^FAIL +steady\.overlapPct /m);
    expect(stdout).to.include('1 of 3 requirements does not hold');
  });
  after(() => {
    temporary.remove();
  });

  for (const [what, path] of [
    ['a run’s folder', run],
    ['a report', join(run, 'report.json')],
    ['a trace', join(run, 'ranks', 'rank-00000.json.gz')],
  ] as const) {
    it(`ends with 0 where all hold and with 5 where one does not, of ${what}`, async () => {
      const good = await runCli(['check', path, '--require', 'layer<=1s', '--require', 'exposed<=100%']);
      expect(good.code, good.stderr).to.equal(0);
      expect(good.stdout).to.include('all 2 requirements hold');
      const bad = await runCli(['check', path, '--require', 'layer<=1s', '--require', 'layer<=1us']);
      expect(bad.code, bad.stderr).to.equal(EXIT_CODE.requirement);
      expect(bad.stdout).to.match(/^FAIL +steady\.layerUs\.mean/m);
    });
  }

  it('writes JUnit, annotates for GitHub beside JSON, and prints values as the report has them', async () => {
    const args = ['check', run, '--require', 'layer<=1us', '--junit', junit, '--github', '--json'];
    const { code, stdout, stderr } = await runCli(args);
    const { steady } = JSON.parse(readFileSync(join(run, 'report.json'), 'utf8')) as {
      steady: { layerUs: { mean: number } };
    };
    const json = JSON.parse(stdout) as { holds: boolean; requirements: { value: number; bound: number }[] };
    expect(code).to.equal(EXIT_CODE.requirement);
    expect(json).to.include({ schema: 'epemu-check/1', holds: false });
    expect(json.requirements[0]).to.include({ value: steady.layerUs.mean, bound: 1 });
    expect(stderr).to.include('::error title=');
    expect(readFileSync(junit, 'utf8')).to.include('failures="1"');
  });

  it('takes every requirement that docs and help show', async () => {
    const page = readFileSync(join(PROJECT, 'docs', 'budgets.md'), 'utf8');
    const { stdout: help } = await runCli(['check', '--help']);
    const shown = [...`${page}${help}`.matchAll(/--require '([^']+)'/g)].map(([, text]) => text);
    expect(shown).to.have.length.above(10);
    const { code, stderr, stdout } = await runCli([
      'check',
      run,
      '--json',
      ...shown.flatMap((text) => ['--require', text]),
    ]);
    expect([0, EXIT_CODE.requirement], stderr).to.include(code);
    expect((JSON.parse(stdout) as { requirements: unknown[] }).requirements).to.have.length(shown.length);
  });

  it('lists what can be required, with short names', async () => {
    const { code, stdout } = await runCli(['check', run, '--list']);
    expect(code).to.equal(0);
    expect(stdout).to.match(/^steady\.layerUs\.mean +\S+ µs +layer$/m);
  });
});
