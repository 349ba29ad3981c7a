import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { smallArguments } from './support/configuration.js';
import { runCli } from './support/run-cli.js';
import { TemporaryFolder } from './support/temporary.js';

describe('the finding at the end of a run', () => {
  const temporary = new TemporaryFolder();

  after(() => {
    temporary.remove();
  });

  /** Runs a small decode and returns its report. */
  async function report(...extra: string[]): Promise<{ finding: string; digest: string }> {
    const out = temporary.fresh();
    const end = await runCli(['run', ...smallArguments('decode'), '--set', 'jitter=0', ...extra, '--out', out]);
    expect(end.code).to.equal(0);
    return JSON.parse(readFileSync(join(out, 'report.json'), 'utf8')) as { finding: string; digest: string };
  }

  it('names an option that changes the timeline', async () => {
    const { finding, digest } = await report();
    const option = /try --set ([^ ]+=[^ ]+)/.exec(finding)?.[1];
    expect(option, finding).to.not.equal(undefined);
    expect((await report('--set', option!)).digest).to.not.equal(digest);
  });
});
