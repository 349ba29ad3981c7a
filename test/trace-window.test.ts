import { join } from 'node:path';
import { analyze } from '@epemu/analysis';
import { runScenario } from '@epemu/cluster';
import { lintTrace, readTrace } from '@epemu/trace';
import { expect } from 'chai';
import { SCENARIOS, small } from './support/configuration.js';
import { runCli } from './support/run-cli.js';
import { TemporaryFolder } from './support/temporary.js';

describe('the window of the merged trace', () => {
  const temporary = new TemporaryFolder();
  after(() => {
    temporary.remove();
  });

  for (const scenario of SCENARIOS) {
    it(`cuts trace.json.gz of a ${scenario} run, and neither rank files nor figures nor the digest`, async () => {
      const run = async (changes: Record<string, unknown>) => {
        const out = temporary.fresh();
        const { report } = await runScenario({
          configuration: small(scenario, { payload: { kind: 'none' }, ...changes }),
          out,
        });
        const merged = join(out, 'trace.json.gz');
        expect(await lintTrace(merged)).to.deep.equal([]);
        const files = [0, 5].map((rank) => join(out, 'ranks', `rank-0000${rank}.json.gz`));
        const { analysis } = await analyze(files);
        const ranks = JSON.stringify(analysis)
          .replaceAll(out, '')
          .replaceAll(/"traceWindow":"[^"]*",?/g, '');
        return { report, ranks, ...(await readTrace(merged)) };
      };
      const whole = await run({});
      const cut = await run({ traceWindow: 'layers=1-2,ranks=3-9,to=1s' });
      expect(cut.report.digest).to.be.a('string').and.equal(whole.report.digest);
      expect([cut.report.timeline, cut.report.steady, cut.report.phases]).to.deep.equal([
        whole.report.timeline,
        whole.report.steady,
        whole.report.phases,
      ]);
      expect(cut.ranks).to.equal(whole.ranks);
      const kernels = cut.events.filter(({ cat }) => cat === 'kernel');
      expect(new Set(kernels.map(({ args }) => args!.layer))).to.deep.equal(new Set([1, 2]));
      expect(new Set(kernels.map(({ pid }) => pid))).to.deep.equal(new Set([4, 5, 6, 7, 8, 9, 10]));
      expect(cut.metadata.window).to.deep.include({ text: 'layers=1-2,ranks=3-9,to=1s', toNs: 1e9 });
      expect(cut.events.filter(({ ph }) => ph === 's').length).to.be.above(0);
    });
  }

  it('comes by flag and by environment, the flag the stronger, and a bad one ends with exit code 2', async () => {
    const window = async (args: readonly string[], environment = {}): Promise<unknown> => {
      const { stdout } = await runCli(['run', 'decode', '--dry-run', '--json', ...args], environment);
      return (JSON.parse(stdout) as { configuration: { traceWindow?: string } }).configuration.traceWindow;
    };
    expect(await window([])).to.equal(undefined);
    expect(await window(['--trace-window', 'layers=2-3'])).to.equal('layers=2-3');
    expect(await window([], { EPEMU_TRACE_WINDOW: 'from=1ms' })).to.equal('from=1ms');
    expect(await window(['--trace-window', 'ranks=0'], { EPEMU_TRACE_WINDOW: 'from=1ms' })).to.equal('ranks=0');
    const { code, stderr } = await runCli(['run', 'decode', '--dry-run', '--trace-window', 'layers=9']);
    expect(code).to.equal(2);
    expect(stderr).to.equal(
      'epemu: traceWindow is "layers=9", but layers of this run are 0 to 3; name some of these\n',
    );
  });
});
