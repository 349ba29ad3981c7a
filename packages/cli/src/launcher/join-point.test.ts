import { BadInputError } from '@epemu/core';
import { expect } from 'chai';
import { joinPointOf } from './join-point.js';

const SLURM = { SLURM_JOB_ID: '42', SLURM_STEP_ID: '0', SLURM_PROCID: '3', SLURM_NTASKS: '16' };

describe('where a worker joins', () => {
  it('is what it is told, without a word where no launcher is', () => {
    expect(joinPointOf('ws://a:1', {})).to.deep.equal({ coordinatorUrl: 'ws://a:1' });
  });

  it('is where its launcher has the coordinator, and the finding says which it is', () => {
    expect(joinPointOf(undefined, { ...SLURM, SLURM_JOB_NODELIST: 'node-a' })).to.deep.equal({
      coordinatorUrl: 'ws://node-a:7077',
      place: 3,
      finding: 'launched by Slurm: process 3 of 16 of job 42, coordinator ws://node-a:7077',
    });
    const torchrun = { RANK: '0', WORLD_SIZE: '2', LOCAL_RANK: '0', MASTER_ADDR: 'fd00::2', MASTER_PORT: '29500' };
    expect(joinPointOf(undefined, torchrun).finding).to.equal(
      'launched by torchrun: process 0 of 2, coordinator ws://[fd00::2]:7077',
    );
  });

  it('is what it is told rather than what the launcher says, which still gives its place', () => {
    const point = joinPointOf('ws://other:1', { ...SLURM, SLURM_JOB_NODELIST: 'node-a' });
    expect(point).to.include({ coordinatorUrl: 'ws://other:1', place: 3 });
    expect(joinPointOf('ws://c:7077', { JOB_COMPLETION_INDEX: '7' }).finding).to.equal(
      'launched by Kubernetes: process 7 of an Indexed Job, coordinator ws://c:7077',
    );
  });

  it('is refused with a remedy for the launcher where nothing tells it', () => {
    const none = 'no Slurm, mpirun, torchrun or Kubernetes has started this process; give ws://host:7077';
    const cases: [Record<string, string>, string][] = [
      [{}, `--coordinator is not set, and ${none}`],
      [{ SLURM_JOB_ID: '42' }, 'in Slurm job 42, but srun has not started it; write srun epemu worker'],
      [
        { JOB_COMPLETION_INDEX: '0' },
        'Kubernetes does not say on which host the coordinator is; set EPEMU_COORDINATOR',
      ],
      [{ OMPI_COMM_WORLD_RANK: '0', OMPI_COMM_WORLD_SIZE: '2' }, '; call mpirun -x EPEMU_COORDINATOR=ws://host:7077'],
      [SLURM, 'Slurm does not say on which host the coordinator is; export EPEMU_COORDINATOR'],
    ];
    for (const [environment, text] of cases)
      expect(() => joinPointOf(undefined, environment)).to.throw(BadInputError, text);
  });
});
