import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { PROJECT, runCommand } from './support/commands.js';
import type { CliEnd } from './support/run-cli.js';
import { TemporaryFolder } from './support/temporary.js';

/** What a row of the table begins with, for each kind. */
const KINDS = [
  'ranks killed at an operation',
  'ranks stopped at an operation',
  'coordinators killed',
  'runs interrupted',
  'networks cut',
  'disks that are full',
  'mutated frames',
  'digests on a loaded machine',
  'live runs replayed',
];
/** At least one trial of each. */
const SHARE = process.env['EPEMU_TEST_LONG'] === '1' ? '1' : '0.01';

function chaos(...args: string[]): Promise<CliEnd> {
  return runCommand(join(PROJECT, 'scripts', 'chaos'), args);
}

describe('trials at random', () => {
  let trials: CliEnd;

  before(async () => {
    // All kinds in one process: they share the runs without a fault.
    trials = await chaos('--share', SHARE);
  });

  for (const kind of KINDS) {
    it(`of ${kind} all go as they should`, () => {
      expect(trials.code, trials.stderr).to.equal(0);
      expect(trials.stdout).to.match(
        new RegExp(`^\\| ${kind} \\| ((\\d+) of \\2|skipped: .+) \\| \\d+ \\| \\d+ s \\|$`, 'm'),
      );
    });
  }
});

describe('the script of trials', () => {
  const temporary = new TemporaryFolder();

  after(() => {
    temporary.remove();
  });

  it('goes on where a call has ended, and tells of what failed in any', async () => {
    const state = temporary.fresh('trials');
    const few = ['--only', 'frames', '--state', state];
    expect((await chaos(...few, '--share', '0.01')).code).to.equal(0);
    const [first] = readFileSync(state, 'utf8').split('\n');
    // A call that was killed leaves the beginning of a line.
    writeFileSync(state, `${first}\n{"kind":"fra`);
    const again = await chaos(...few, '--share', '0.02');
    expect(again.stdout).to.include('| mutated frames | 20000 of 20000 | 1000000 |');
    const failed = { ...(JSON.parse(first) as object), trial: 7, problem: 'it fell' };
    writeFileSync(state, `${first}\n${JSON.stringify(failed)}\n`);
    const { code, stdout } = await chaos(...few, '--share', '0');
    expect(code).to.equal(1);
    expect(stdout).to.include('| mutated frames | 10000 of 20000 | 1000000 |');
  });

  for (const [args, sentence] of [
    [['--only', 'luck'], '--only is luck; give one of ranks, '],
    [['--share', '2'], '--share is 2; give a number from 0 to 1'],
    [['--minutes', 'few'], '--minutes is few; give a number above 0'],
    [['--share', '0', '--state', 'README.md'], '--state is README.md, whose line 1 is no trial; name another file'],
  ] as const) {
    it(`refuses ${args.join(' ')}`, async () => {
      const { code, stderr } = await chaos(...args);
      expect(code).to.equal(1);
      expect(stderr).to.include(sentence);
    });
  }
});
