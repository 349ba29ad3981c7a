import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { calibrate } from '@epemu/calibration';
import { runScenario } from '@epemu/cluster';
import { readTrace } from '@epemu/trace';
import type { TraceEvent } from '@epemu/trace';
import { expect } from 'chai';
import { digestOfOutcome } from './support/cluster-run.js';
import { SCENARIOS, small } from './support/configuration.js';
import { runCli } from './support/run-cli.js';
import { TemporaryFolder } from './support/temporary.js';

interface NamedRun {
  readonly folder: string;
  readonly digest: string;
  readonly reported: readonly string[];
}

function isKernel({ cat }: TraceEvent): boolean {
  return cat === 'kernel';
}

async function namesIn(path: string): Promise<string[]> {
  const { events } = await readTrace(path);
  return events.filter(isKernel).map(({ name }) => name);
}

const rankFile = ({ folder }: NamedRun): string => join(folder, 'ranks', 'rank-00003.json.gz');

function withoutHalf(name: string): string {
  return name.replace(/^(internode_ll::\w+)_(?:send|recv)$/, '$1');
}

describe('kernel names', () => {
  const temporary = new TemporaryFolder();
  after(() => {
    temporary.remove();
  });

  async function run(scenario: (typeof SCENARIOS)[number], kernelNames: string): Promise<NamedRun> {
    const folder = temporary.fresh(`${scenario}-${kernelNames}`);
    const outcome = await runScenario({ configuration: small(scenario, { kernelNames }), out: folder });
    const reported = outcome.report.kernels.map(({ kernel }) => kernel);
    return { folder, digest: digestOfOutcome(outcome), reported };
  }

  for (const scenario of SCENARIOS) {
    describe(`of a ${scenario} run`, () => {
      let nccl: NamedRun;
      let deepep: NamedRun;
      before(async () => {
        nccl = await run(scenario, 'nccl');
        deepep = await run(scenario, 'deepep');
      });

      it('change traces, and neither digest nor report', async () => {
        expect(deepep.digest).to.equal(nccl.digest);
        expect(deepep.reported).to.deep.equal(nccl.reported);
        for (const path of [rankFile, ({ folder }: NamedRun) => join(folder, 'trace.json.gz')]) {
          const [before, after] = [await namesIn(path(nccl)), await namesIn(path(deepep))];
          const changed = before.flatMap((name, i) => (name === after[i] ? [] : [name]));
          expect(new Set(changed)).to.deep.equal(new Set(before.filter((name) => name.includes('deep_ep::'))));
          expect(after.filter((name) => name.startsWith('nccl'))).to.be.empty;
        }
      });

      it('calibrate alike, but for halves of low latency, which are named as they are in the trace', async () => {
        const [given, expected] = [await calibrate(rankFile(deepep)), await calibrate(rankFile(nccl))];
        const collectives = expected.collectives.map((figures) => ({ ...figures, name: withoutHalf(figures.name) }));
        expect(given).to.deep.equal({ ...expected, collectives });
      });

      if (scenario === 'decode') {
        it('are DeepEP’s, of which a kernel of low latency is launched for each half', async () => {
          const names = (await namesIn(rankFile(deepep))).filter((name) => name.includes('_ep::'));
          const [dispatch, combine] = ['deep_ep::internode_ll::dispatch', 'deep_ep::internode_ll::combine'];
          expect(new Set(names)).to.deep.equal(new Set([dispatch, combine]));
          const launched = (await namesIn(rankFile(nccl))).filter((name) => name.includes('_ep::'));
          expect(names).to.have.lengthOf(launched.length);
        });
      }

      // The published trace is not part of the repository; beside it where there is one.
      const beside = '../shared/reference/train/train.json';
      const published = fileURLToPath(new URL(beside, new URL('../', import.meta.url)));
      if (scenario !== 'train' || !existsSync(published)) return;

      it('of communication are all those of the published trace, and no others', async () => {
        const communication = (names: readonly string[]): Set<string> =>
          new Set(names.filter((name) => name.includes('ep::')));
        expect(communication(await namesIn(rankFile(deepep)))).to.deep.equal(communication(await namesIn(published)));
      });
    });
  }

  it('come from a flag or the environment', async () => {
    const dryRun = ['run', 'decode', '--dry-run', '--json'];
    const names = async (args: readonly string[], environment = {}): Promise<unknown> => {
      const { stdout } = await runCli([...dryRun, ...args], environment);
      return (JSON.parse(stdout) as { configuration: { kernelNames: string } }).configuration.kernelNames;
    };
    expect(await names([])).to.equal('nccl');
    expect(await names(['--kernel-names', 'deepep'])).to.equal('deepep');
    expect(await names([], { EPEMU_KERNEL_NAMES: 'deepep' })).to.equal('deepep');
    const { code, stderr } = await runCli([...dryRun, '--kernel-names', 'cuda']);
    expect(code).to.equal(2);
    expect(stderr).to.equal('epemu: kernelNames is "cuda", but it must be one of nccl, deepep\n');
  });
});
