import { expect } from 'chai';
import { smallArguments } from './support/configuration.js';
import { runCli } from './support/run-cli.js';
import { TemporaryFolder } from './support/temporary.js';

interface Told {
  readonly finding: string;
  readonly timeline: { readonly spanUs: number };
  readonly steady: { readonly exposedCommPct: number };
}

describe('the finding at the end of a run', () => {
  const temporary = new TemporaryFolder();
  after(() => {
    temporary.remove();
  });

  /** Runs something small and returns its report. */
  async function report(scenario: 'train' | 'prefill' | 'decode', ...extra: string[]): Promise<Told> {
    const args = ['run', ...smallArguments(scenario), '--payload', 'none', ...extra];
    const { code, stdout, stderr } = await runCli([...args, '--json', '--out', temporary.fresh()]);
    expect(code, stderr).to.equal(0);
    return JSON.parse(stdout) as Told;
  }

  it('is of the steady layers, and says what share of them is exposed', async () => {
    const { finding, steady } = await report('decode');
    expect(finding).to.match(/^The largest exposed piece of the steady layers is /);
    expect(finding).to.include(`${steady.exposedCommPct.toFixed(2)} % of the steady layers is exposed in all`);
  });

  const nic = (GBps: number): string[] => ['--set', `hardware.ports.rdma.bandwidthGBps=${GBps}`];
  for (const [what, scenario, extra] of [
    ['a prefill', 'prefill', nic(50)],
    ['a decode of 16 tokens without overlap', 'decode', ['--tokens-per-microbatch', '16', '--overlap', 'none']],
    ['a decode with NICs of 100 GB/s', 'decode', nic(100)],
    ['a decode whose NICs bind', 'decode', nic(5)],
  ] as const) {
    it(`promises no gain of faster NICs that an emulation does not see: ${what}`, async () => {
      const before = await report(scenario, ...extra);
      expect(before.finding).not.to.match(/\btry\b/);
      const told = /([\d.]+) % *\)? earlier if NICs|\(([\d.]+) %\) earlier if NICs/.exec(before.finding);
      const GBps = Number(extra.at(-1)?.split('=')[1] ?? 50) || 50;
      const after = await report(scenario, ...extra, ...nic(GBps * 2));
      const savedPct = 100 * (1 - after.timeline.spanUs / before.timeline.spanUs);
      if (told === null) expect(savedPct).to.be.below(1);
      else expect(savedPct).to.be.above(0);
    });
  }

  it('names a slow rank, as analyze does, and nobody of a balanced run', async () => {
    const slow = await report('decode', '--set', 'slowRanks=[{"rank":5,"factor":1.5}]');
    expect(slow.finding).to.match(/rank 5 comes last at \d+ % of the collectives, .* and computes \d+ % longer/);
    expect(slow.finding).to.include('rank 5 takes 1.5 times as long');
    expect(slow.finding).to.match(/earlier if rank 5, the slowest, computes as fast as the median rank/);
    for (const scenario of ['train', 'prefill', 'decode'] as const) {
      expect((await report(scenario)).finding, scenario).not.to.include('comes last at');
    }
  });
});
