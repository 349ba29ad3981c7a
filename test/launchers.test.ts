import { findCommand } from '@epemu/cluster';
import { expect } from 'chai';
import { EXIT_CODE } from '@epemu/core';
import { TOKEN } from './support/cluster-run.js';
import { runCommand } from './support/commands.js';
import { small, smallArguments } from './support/configuration.js';
import { runLocally } from './support/local-run.js';
import { freePort, within } from './support/processes.js';
import { CliProcess, runCli } from './support/run-cli.js';
import { eventsOf, ranksByPid } from './support/run-log.js';
import { TemporaryFolder } from './support/temporary.js';

const PROCESSES = 4;
const CHANGES = { ranks: 8, layers: 2, fabric: 'websocket' };
const SLOTS = { EPEMU_TOKEN: TOKEN, EPEMU_SLOTS: '2' };
/** A worker's process says which it is before it becomes one: the shell's pid stays. */
const NUMBERED = 'echo "pid $$ is $OMPI_COMM_WORLD_RANK"; exec epemu worker';
const JOIN_MS = 30_000;

/** What torchrun sets for one of its processes, on one node (PyTorch's documentation of torchrun, "Environment Variables"). */
function torchrunEnvironment(rank: number): Record<string, string> {
  return {
    RANK: String(rank),
    LOCAL_RANK: String(rank),
    WORLD_SIZE: String(PROCESSES),
    LOCAL_WORLD_SIZE: String(PROCESSES),
    GROUP_RANK: '0',
    ROLE_RANK: String(rank),
    ROLE_WORLD_SIZE: String(PROCESSES),
    MASTER_ADDR: '127.0.0.1',
    MASTER_PORT: '29500',
    TORCHELASTIC_RESTART_COUNT: '0',
    TORCHELASTIC_MAX_RESTARTS: '0',
    TORCHELASTIC_RUN_ID: 'none',
  };
}

describe('workers of launchers', () => {
  const temporary = new TemporaryFolder();
  let digest = '';

  before(async () => {
    ({ digest } = await runLocally(small('decode', CHANGES)));
  });

  after(() => {
    temporary.remove();
  });

  /** Starts a coordinator. @returns it and its port, once it listens. */
  async function coordinate(folder: string): Promise<{ coordinator: CliProcess; url: string }> {
    const port = await freePort();
    const args = [
      'coordinator',
      ...smallArguments('decode', CHANGES),
      '--out',
      folder,
      '--port',
      String(port),
      '--json',
    ];
    const coordinator = new CliProcess(args, { EPEMU_TOKEN: TOKEN });
    const [, url] = await coordinator.stderrMatch(/listens at (ws:\S+)/);
    return { coordinator, url };
  }

  async function expectDigest(coordinator: CliProcess): Promise<void> {
    const { code, stdout, stderr } = await coordinator.end;
    expect(code, stderr).to.equal(0);
    expect((JSON.parse(stdout) as { digest: string }).digest).to.equal(digest);
  }

  it('of mpirun get ranks in the order of MPI ranks, and the digest is that of any other run (needs mpirun)', async function () {
    if (findCommand('mpirun') === undefined) this.skip();
    const folder = temporary.fresh();
    const { coordinator, url } = await coordinate(folder);
    const args = ['--allow-run-as-root', '--oversubscribe', '-np', String(PROCESSES), 'sh', '-c', NUMBERED];
    const { code, stdout, stderr } = await runCommand('mpirun', args, { ...SLOTS, EPEMU_COORDINATOR: url });
    expect(code, stderr).to.equal(0);
    await expectDigest(coordinator);
    const placed = [...stdout.matchAll(/pid (\d+) is (\d+)/g)].map(([, pid, place]) => [Number(pid), Number(place)]);
    expect(placed).to.have.length(PROCESSES);
    for (const [pid, place] of placed) {
      expect(ranksByPid(folder).get(pid)).to.deep.equal([2 * place, 2 * place + 1]);
      expect(stderr).to.include(`launched by mpirun: process ${place} of ${PROCESSES}, coordinator ${url}`);
    }
  });

  it("of torchrun get ranks in the order of torchrun's, though the last of them joins first", async () => {
    const folder = temporary.fresh();
    const { coordinator, url } = await coordinate(folder);
    const workers: CliProcess[] = [];
    for (let rank = PROCESSES - 1; rank >= 0; rank--) {
      const environment = { ...torchrunEnvironment(rank), ...SLOTS, EPEMU_COORDINATOR: url };
      workers.unshift(new CliProcess(['worker'], environment));
      const joined = (): number => eventsOf(folder).filter(({ type }) => type === 'joined').length;
      expect(await within(JOIN_MS, () => joined() === workers.length)).to.equal(true);
    }
    for (const worker of workers) expect((await worker.end).code).to.equal(0);
    await expectDigest(coordinator);
    const given = workers.map(({ pid }) => ranksByPid(folder).get(pid));
    expect(given).to.deep.equal([0, 1, 2, 3].map((place) => [2 * place, 2 * place + 1]));
  });

  it("look for the coordinator at torchrun's MASTER_ADDR and epemu's own port, and say so", async () => {
    const worker = await runCli(['worker', '--connect-timeout', '1'], {
      ...torchrunEnvironment(2),
      // This machine's, but not the address on which its coordinators listen.
      ...{ EPEMU_TOKEN: TOKEN, MASTER_ADDR: '127.255.255.254' },
    });
    expect(worker.code).to.equal(EXIT_CODE.failure);
    expect(worker.stderr).to.match(
      /^launched by torchrun: process 2 of 4, coordinator ws:\/\/127\.255\.255\.254:7077$/m,
    );
  });

  it('are refused where nobody says where the coordinator is', async () => {
    const { code, stderr } = await runCli(['worker'], { EPEMU_TOKEN: TOKEN, EPEMU_COORDINATOR: '' });
    expect(code).to.equal(EXIT_CODE.badInput);
    expect(stderr).to.match(/^epemu: --coordinator is not set, and no Slurm, mpirun.*; give ws:\/\/host:7077\n$/);
  });

  it('end at SIGTERM while they wait, with its exit code', async () => {
    const { coordinator, url } = await coordinate(temporary.fresh());
    const worker = new CliProcess(['worker'], { ...SLOTS, EPEMU_COORDINATOR: url, JOB_COMPLETION_INDEX: '0' });
    await worker.stderrMatch(/^launched by Kubernetes: process 0 of an Indexed Job/m);
    worker.kill('SIGTERM');
    expect(await worker.end).to.include({ code: EXIT_CODE.terminated, signal: null });
    coordinator.kill('SIGTERM');
    await coordinator.end;
  });
});
