import { expect } from 'chai';
import { CliProcess } from './support/run-cli.js';
import { textFile } from './support/scenario-files.js';
import { TemporaryFolder } from './support/temporary.js';

/** What `epemu eplb --json` prints. */
interface Plan {
  readonly policy: string;
  readonly physicalToLogical: readonly (readonly number[])[];
  readonly logicalToPhysical: readonly (readonly (readonly number[])[])[];
  readonly replicaCount: readonly (readonly number[])[];
  readonly gpuLoadBefore: readonly (readonly number[])[];
  readonly gpuLoadAfter: readonly (readonly number[])[];
}

describe('epemu eplb', () => {
  const temporary = new TemporaryFolder();
  after(() => {
    temporary.remove();
  });
  const example = textFile(
    temporary.path,
    'example.json',
    '[[90, 132, 40, 61, 104, 165, 39, 4, 73, 56, 183, 86], [20, 107, 104, 64, 19, 197, 187, 157, 172, 86, 16, 27]]',
  );
  const planOf = async (...args: string[]): Promise<Plan> => {
    const { code, stdout, stderr } = await new CliProcess(['eplb', ...args, '--json']).end;
    expect(code, stderr).to.equal(0);
    return JSON.parse(stdout) as Plan;
  };

  it('prints the placement of the example that DeepSeek published, by either count of replicas', async () => {
    const sizes = ['--gpus', '8', '--nodes', '2', '--groups', '4'];
    const plan = await planOf(example, ...sizes, '--replicas', '16');
    expect(plan).to.deep.equal(await planOf(example, ...sizes, '--redundant-experts', '4'));
    expect(plan.policy).to.equal('hierarchical');
    expect(plan.physicalToLogical).to.deep.equal([
      [5, 6, 5, 7, 8, 4, 3, 4, 10, 9, 10, 2, 0, 1, 11, 1],
      [7, 10, 6, 8, 6, 11, 8, 9, 2, 4, 5, 1, 5, 0, 3, 1],
    ]);
    expect(plan.logicalToPhysical[0].slice(0, 6)).to.deep.equal([
      ...[
        [12, -1],
        [13, 15],
        [11, -1],
      ],
      ...[
        [6, -1],
        [5, 7],
        [0, 2],
      ],
    ]);
    expect(plan.replicaCount[0]).to.deep.equal([1, 2, 1, 1, 2, 2, 1, 1, 1, 1, 2, 1]);
    expect(plan.gpuLoadAfter[0]).to.deep.equal([121.5, 86.5, 125, 113, 147.5, 131.5, 156, 152]);
    expect(plan.gpuLoadBefore[0]).to.deep.equal([90, 172, 61, 269, 39, 77, 56, 269]);
  });

  it('prints a table, placements, and what EPLB as published would place twice', async () => {
    const args = ['eplb', example, '--gpus', '8', '--nodes', '2', '--groups', '4', '--replicas', '16', '--placement'];
    const { stdout } = await new CliProcess(args).end;
    expect(stdout).to.match(/^hierarchical EPLB: 16 replicas of 12 experts in 4 groups on 8 GPUs of 2 nodes/);
    expect(stdout).to.match(/\n +0 +2\.083 +1\.208 /);
    expect(stdout).to.include('layer 1, GPU 2: 6, 11\n');
    const hot = textFile(temporary.path, 'hot.csv', '1000,1,1,1\n');
    const told = await new CliProcess(['eplb', hot, '--gpus', '2', '--replicas', '6']).end;
    expect(told.stdout).to.match(/layer 0: as published, EPLB would give GPU 0 2 replicas of expert 0; not so here/);
  });

  it('evens out the loads of a model on 144 GPUs, from twice the mean and more to a few percent', async () => {
    const { gpuLoadBefore, gpuLoadAfter } = await planOf(
      'examples/expert-loads.csv',
      '--gpus',
      '144',
      '--redundant-experts',
      '176',
    );
    const fullest = (layers: Plan['gpuLoadAfter']): number =>
      layers.reduce(
        (sum, loads) => sum + Math.max(...loads) / (loads.reduce((total, load) => total + load, 0) / 144),
        0,
      ) / layers.length;
    expect(fullest(gpuLoadBefore)).to.be.above(2);
    expect(fullest(gpuLoadAfter)).to.be.below(1.05);
  });
});
