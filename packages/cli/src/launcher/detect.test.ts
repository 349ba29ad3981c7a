import { expect } from 'chai';
import fc from 'fast-check';
import { detectLauncher, firstHost } from './detect.js';
import type { Environment } from './detect.js';

const SLURM = {
  SLURM_JOB_ID: '42',
  SLURM_STEP_ID: '0',
  SLURM_PROCID: '3',
  SLURM_NTASKS: '16',
  SLURM_JOB_NODELIST: 'node[001-003,007],gpu5',
};
const OPEN_MPI = { OMPI_COMM_WORLD_RANK: '5', OMPI_COMM_WORLD_SIZE: '8', OMPI_COMM_WORLD_LOCAL_SIZE: '4' };
const TORCHRUN = { RANK: '9', WORLD_SIZE: '12', LOCAL_RANK: '1', MASTER_ADDR: 'head', MASTER_PORT: '29500' };
const KUBERNETES = { JOB_COMPLETION_INDEX: '7', KUBERNETES_SERVICE_HOST: '10.0.0.1' };

/** All but some of an environment's variables. */
function without(environment: Environment, ...names: string[]): Environment {
  return Object.fromEntries(Object.entries(environment).filter(([name]) => !names.includes(name)));
}

describe('what started a worker', () => {
  it('is Slurm in a step of a job, whose first host has the coordinator', () => {
    const launch = { launcher: 'Slurm', place: 3, processes: 16, job: '42', coordinatorHost: 'node001' };
    expect(detectLauncher(SLURM)).to.deep.equal(launch);
    const older = { ...without(SLURM, 'SLURM_JOB_NODELIST'), SLURM_NODELIST: 'a7' };
    expect(detectLauncher(older)).to.deep.equal({ ...launch, coordinatorHost: 'a7' });
  });

  it('is nobody in a batch script or in the shell of salloc, where no step has begun', () => {
    expect(detectLauncher(without(SLURM, 'SLURM_STEP_ID'))).to.equal(undefined);
    expect(detectLauncher(without(SLURM, 'SLURM_STEP_ID', 'SLURM_PROCID'))).to.equal(undefined);
  });

  it('is mpirun of Open MPI, beside the coordinator where all processes are on one machine', () => {
    const launch = { launcher: 'mpirun', place: 5, processes: 8 };
    expect(detectLauncher(OPEN_MPI)).to.deep.equal(launch);
    const together = { ...OPEN_MPI, OMPI_COMM_WORLD_LOCAL_SIZE: '8' };
    expect(detectLauncher(together)).to.deep.equal({ ...launch, coordinatorHost: '127.0.0.1' });
  });

  it('is mpirun of MPICH, which speaks PMI', () => {
    const mpich = { PMI_RANK: '1', PMI_SIZE: '2' };
    expect(detectLauncher(mpich)).to.deep.equal({ launcher: 'mpirun', place: 1, processes: 2 });
    expect(detectLauncher({ ...mpich, MPI_LOCALNRANKS: '2' })?.coordinatorHost).to.equal('127.0.0.1');
  });

  it('is Slurm where srun speaks PMI to the same processes, and mpirun where it started others', () => {
    expect(detectLauncher({ ...SLURM, PMI_RANK: '3', PMI_SIZE: '16' })?.launcher).to.equal('Slurm');
    const proxies = { ...SLURM, SLURM_PROCID: '1', SLURM_NTASKS: '2', PMI_RANK: '3', PMI_SIZE: '16' };
    expect(detectLauncher(proxies)).to.deep.equal({
      ...{ launcher: 'mpirun', place: 3, processes: 16, coordinatorHost: 'node001' },
    });
  });

  it('is torchrun where all that it sets is there, and not where somebody uses RANK for another purpose', () => {
    expect(detectLauncher(TORCHRUN)).to.deep.equal({
      ...{ launcher: 'torchrun', place: 9, processes: 12, coordinatorHost: 'head' },
    });
    for (const name of ['RANK', 'WORLD_SIZE', 'LOCAL_RANK'])
      expect(detectLauncher(without(TORCHRUN, name)), name).to.equal(undefined);
  });

  it('is a Kubernetes Indexed Job, which tells the index alone', () => {
    expect(detectLauncher(KUBERNETES)).to.deep.equal({ launcher: 'Kubernetes', place: 7 });
    expect(detectLauncher(without(KUBERNETES, 'JOB_COMPLETION_INDEX'))).to.equal(undefined);
  });

  it('is nobody in an empty environment', () => {
    expect(detectLauncher({})).to.equal(undefined);
  });

  it('is the innermost of several: torchrun, then mpirun, then Slurm, then Kubernetes', () => {
    const inward: Environment[] = [KUBERNETES, SLURM, OPEN_MPI, TORCHRUN];
    const names = ['Kubernetes', 'Slurm', 'mpirun', 'torchrun'];
    fc.assert(
      fc.property(fc.subarray([0, 1, 2, 3], { minLength: 1 }), (chosen) => {
        const environment = Object.fromEntries(chosen.flatMap((index) => Object.entries(inward[index])));
        expect(detectLauncher(environment)?.launcher).to.equal(names[Math.max(...chosen)]);
      }),
    );
  });

  it("has the coordinator on the Slurm job's first host where the inner launcher tells no host", () => {
    expect(detectLauncher({ ...SLURM, ...OPEN_MPI })?.coordinatorHost).to.equal('node001');
    expect(detectLauncher({ ...SLURM, ...without(TORCHRUN, 'MASTER_ADDR') })?.coordinatorHost).to.equal('node001');
  });

  it('is not what has variables that hold no place among processes', () => {
    const text = fc.oneof(fc.string(), fc.integer().map(String), fc.constantFrom('', '-1', '1e1', '0x1', ' 1', '1.5'));
    fc.assert(
      fc.property(text, text, (place, processes) => {
        const launch = detectLauncher({ OMPI_COMM_WORLD_RANK: place, OMPI_COMM_WORLD_SIZE: processes });
        const sound = /^\d{1,9}$/.test(place) && /^\d{1,9}$/.test(processes) && Number(place) < Number(processes);
        expect(launch !== undefined).to.equal(sound);
      }),
    );
  });
});

describe("the first host of Slurm's list", () => {
  /** A number from 0 to 999 with zeros before it. */
  const number = fc.nat(999);
  const padded = (value: number, width: number): string => String(value).padStart(width, '0');

  it('is the first of the first brackets, whatever follows', () => {
    expect(firstHost('vm')).to.equal('vm');
    expect(firstHost('node[001-003,007],gpu5')).to.equal('node001');
    expect(firstHost('gpu5,node[1-9]')).to.equal('gpu5');
    expect(firstHost('rack[2-3]node[07,09-11]')).to.equal('rack2node07');
    expect(firstHost('')).to.equal('');
  });

  it('is that of any list of ranges', () => {
    const range = fc.tuple(number, fc.nat(20)).map(([first, more]) => ({ first, last: first + more }));
    const brackets = fc.record({
      ranges: fc.array(range, { minLength: 1, maxLength: 4 }),
      width: fc.integer({ min: 1, max: 4 }),
    });
    const name = fc.stringMatching(/^[a-z][a-z0-9-]{0,8}$/);
    const host = fc.tuple(name, fc.array(brackets, { maxLength: 2 }));
    const written = ([prefix, dimensions]: [string, { ranges: { first: number; last: number }[]; width: number }[]]): {
      text: string;
      first: string;
    } => {
      const texts = dimensions.map(({ ranges, width }) =>
        ranges.map(({ first, last }) =>
          first === last ? padded(first, width) : `${padded(first, width)}-${padded(last, width)}`,
        ),
      );
      return {
        text: prefix + texts.map((parts) => `[${parts.join(',')}]`).join(''),
        first: prefix + dimensions.map(({ ranges, width }) => padded(ranges[0].first, width)).join(''),
      };
    };
    fc.assert(
      fc.property(fc.array(host.map(written), { minLength: 1, maxLength: 5 }), (hosts) => {
        expect(firstHost(hosts.map(({ text }) => text).join(','))).to.equal(hosts[0].first);
      }),
    );
  });
});
