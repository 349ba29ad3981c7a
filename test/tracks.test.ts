import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { analyze } from '@epemu/analysis';
import { runScenario } from '@epemu/cluster';
import type { RunOutcome } from '@epemu/cluster';
import { lintTrace, readTrace } from '@epemu/trace';
import { expect } from 'chai';
import { SCENARIOS, small } from './support/configuration.js';
import { runCli } from './support/run-cli.js';
import { TemporaryFolder } from './support/temporary.js';

describe('tracks of exposed time', () => {
  const temporary = new TemporaryFolder();
  after(() => {
    temporary.remove();
  });

  for (const scenario of SCENARIOS) {
    it(`change no figure of a ${scenario} run, and none of an analysis of its files, to the nanosecond`, async () => {
      const outcomes: RunOutcome[] = [];
      const analyses: unknown[] = [];
      const tracked: boolean[] = [];
      for (const tracks of ['on', 'off']) {
        const out = temporary.fresh(tracks);
        const configuration = small(scenario, { tracks, payload: { kind: 'none' } });
        outcomes.push(await runScenario({ configuration, out }));
        const files = readdirSync(join(out, 'ranks')).map((name) => join(out, 'ranks', name));
        const { events } = await readTrace(files[0]);
        tracked.push(events.some(({ ph, name }) => ph === 'B' && name === 'exposed'));
        expect(await lintTrace(files[3])).to.deep.equal([]);
        expect(await lintTrace(join(out, 'trace.json.gz'))).to.deep.equal([]);
        const text = JSON.stringify((await analyze(files)).analysis).replaceAll(out, 'out');
        analyses.push(text.replaceAll(/"tracks":"(?:on|off)"/g, ''));
      }
      expect(tracked).to.deep.equal([true, false]);
      const [on, off] = outcomes.map(({ report }) => report);
      expect(on.digest).to.be.a('string').and.equal(off.digest);
      expect([on.timeline, on.steady, on.phases, on.kernels]).to.deep.equal([
        off.timeline,
        off.steady,
        off.phases,
        off.kernels,
      ]);
      expect(analyses[0]).to.equal(analyses[1]);
    });
  }

  it('are left out by flag and by environment, and by nothing else', async () => {
    const tracks = async (args: readonly string[], environment = {}): Promise<unknown> => {
      const { stdout } = await runCli(['run', 'decode', '--dry-run', '--json', ...args], environment);
      return (JSON.parse(stdout) as { configuration: { tracks: string } }).configuration.tracks;
    };
    expect(await tracks([])).to.equal('on');
    expect(await tracks(['--tracks', 'off'])).to.equal('off');
    expect(await tracks([], { EPEMU_TRACKS: 'off' })).to.equal('off');
    const { code, stderr } = await runCli(['run', 'decode', '--dry-run', '--tracks', 'some']);
    expect(code).to.equal(2);
    expect(stderr).to.equal('epemu: tracks is "some", but it must be one of on, off\n');
  });
});
