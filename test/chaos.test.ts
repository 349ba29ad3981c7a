import { expect } from 'chai';
import { join } from 'node:path';
import { PROJECT, runCommand } from './support/commands.js';

const KINDS = ['ranks', 'stops', 'coordinators', 'interrupts', 'disks', 'frames', 'digests', 'replays'];
/** At least one trial of each. */
const SHARE = process.env['EPEMU_TEST_LONG'] === '1' ? '1' : '0.01';

describe('trials at random', () => {
  for (const kind of KINDS) {
    it(`of ${kind} all go as they should`, async () => {
      const args = ['--only', kind, '--share', SHARE];
      const { code, stdout, stderr } = await runCommand(join(PROJECT, 'scripts', 'chaos'), args);
      expect(code, stderr).to.equal(0);
      expect(stdout).to.match(/^\| .+ \| ((\d+) of \2|skipped: .+) \| \d+ s \|$/m);
    });
  }

  it('are refused of kinds that there are not', async () => {
    const { code, stderr } = await runCommand(join(PROJECT, 'scripts', 'chaos'), ['--only', 'luck']);
    expect(code).to.equal(1);
    expect(stderr).to.include('--only is luck; give one of ranks, ');
  });
});
