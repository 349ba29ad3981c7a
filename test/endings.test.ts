import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import type { Report } from '@epemu/outputs';
import { EXIT_CODE } from '@epemu/core';
import type { Operation } from '@epemu/schedule';
import { SCENARIOS, smallArguments } from './support/configuration.js';
import type { ScenarioName } from './support/configuration.js';
import { VICTIM, operationsOfLayerOne, runWithFault } from './support/fault-runs.js';
import { childrenOf, isAlive, isBound, portsOf, within } from './support/processes.js';
import { CliProcess } from './support/run-cli.js';
import type { CliEnd } from './support/run-cli.js';
import { TemporaryFolder } from './support/temporary.js';

/** No process of a run is there any more after this long. */
const GONE_MS = 2000;
const PATIENCE_MS = 20_000;
/** What takes longer is silent: a machine that others load starts a worker in seconds. */
const STALL_SECONDS = 10;
const RUNS_AT_ONCE = 2;
const WORKERS = 4;
const RUN = { ranks: WORKERS, layers: 3, ranksPerWorker: 1, fabric: 'websocket', pace: 0.5 };
/** Goes on for two minutes, to be ended while it runs. */
const LONG = { ...RUN, layers: 58 };

function reportOf(folder: string): Report {
  return JSON.parse(readFileSync(join(folder, 'report.json'), 'utf8')) as Report;
}

/** What a run has while it goes on. */
interface Living {
  readonly command: CliProcess;
  readonly folder: string;
  readonly workers: readonly number[];
  readonly ports: readonly number[];
}

describe('how a run ends', () => {
  const temporary = new TemporaryFolder();
  after(() => {
    temporary.remove();
  });

  /** Starts a run. @returns it once its ranks are running. */
  async function living(changes = LONG): Promise<Living> {
    const folder = temporary.fresh();
    const command = new CliProcess(['run', ...smallArguments('decode', changes), '--out', folder]);
    await command.stderrMatch(/^running/m);
    const workers = childrenOf(command.pid);
    const ports = [command.pid, ...workers].flatMap(portsOf);
    expect(workers).to.have.length(WORKERS);
    // One of the coordinator and one of each worker.
    expect(ports).to.have.length(WORKERS + 1);
    return { command, folder, workers, ports };
  }

  /** Nothing of a run may be left: no process, no port, and no spool. */
  async function expectNothingLeft({ command, folder, workers, ports }: Living): Promise<void> {
    const pids = [command.pid, ...workers];
    await within(GONE_MS, () => !pids.some(isAlive) && !ports.some(isBound));
    expect(pids.filter(isAlive), 'processes left').to.deep.equal([]);
    expect(ports.filter(isBound), 'ports left').to.deep.equal([]);
    expect(existsSync(join(folder, '.spool')), 'spool left').to.equal(false);
  }

  it('a run that ends well leaves no process, no port and no spool', async () => {
    const run = await living(RUN);
    const { code, stderr } = await run.command.end;
    expect(code, stderr).to.equal(0);
    await expectNothingLeft(run);
  });

  for (const [signal, code] of [
    ['SIGINT', EXIT_CODE.interrupted],
    ['SIGTERM', EXIT_CODE.terminated],
  ] as const) {
    it(`${signal} ends a run with exit code ${code}, its partial outputs kept and nothing left`, async () => {
      const run = await living();
      run.command.kill(signal);
      const end = await run.command.end;
      expect(end.code, end.stderr).to.equal(code);
      expect(end.stderr).to.match(new RegExp(`the run failed: ended by ${signal}`));
      await expectNothingLeft(run);
      expect(reportOf(run.folder)).to.include({ status: 'failed', digest: null });
    });

    it(`${signal} ends a coordinator that waits for workers`, async () => {
      const args = ['coordinator', ...smallArguments('decode', LONG), '--out', temporary.fresh(), '--port', '0'];
      const command = new CliProcess(args, { EPEMU_TOKEN: 'x' });
      await command.stderrMatch(/listens at/);
      const ports = portsOf(command.pid);
      command.kill(signal);
      expect((await command.end).code).to.equal(code);
      expect(ports.filter(isBound)).to.deep.equal([]);
    });
  }

  it('SIGKILL of the launcher leaves no worker and no port', async () => {
    const run = await living();
    run.command.kill('SIGKILL');
    expect(await run.command.end).to.include({ code: null, signal: 'SIGKILL' });
    await expectNothingLeft(run);
  });

  it('SIGKILL of one worker ends the run with exit code 3 and one block that names it', async () => {
    const run = await living();
    const [victim] = run.workers;
    process.kill(victim, 'SIGKILL');
    const { code, stdout, stderr } = await run.command.end;
    expect({ code, stdout }, stderr).to.deep.equal({ code: EXIT_CODE.rankFailed, stdout: '' });
    expect(stderr.match(/the run failed/g)).to.have.length(1);
    expect(stderr).to.match(
      new RegExp(
        `rank \\d \\(pid ${victim}\\) was killed by SIGKILL (in .+ of layer \\d+|before its first phase)$`,
        'm',
      ),
    );
    await expectNothingLeft(run);
    const report = reportOf(run.folder);
    expect(report).to.include({ status: 'failed', digest: null });
    // The others have a moment to hand over what they have, which a loaded machine may not grant to all.
    expect(report.ranksSummary.length).to.be.within(1, WORKERS - 1);
    expect(readdirSync(join(run.folder, 'ranks'))).to.have.length(report.ranksSummary.length);
  });

  it('SIGKILL of a coordinator ends the workers that others started, each with one sentence', async () => {
    const changes = { ...LONG, ranksPerWorker: 2 };
    const args = ['coordinator', ...smallArguments('decode', changes), '--out', temporary.fresh(), '--port', '0'];
    const coordinator = new CliProcess(args, { EPEMU_TOKEN: 'x' });
    const [, url] = await coordinator.stderrMatch(/listens at (ws:\S+)/);
    const join2 = ['worker', '--coordinator', url, '--slots', '2'];
    const workers = [1, 2].map(() => new CliProcess(join2, { EPEMU_TOKEN: 'x' }));
    await coordinator.stderrMatch(/^running/m);
    const ports = [coordinator, ...workers].flatMap(({ pid }) => portsOf(pid));
    expect(ports).to.have.length(3);
    coordinator.kill('SIGKILL');
    for (const { end } of workers) {
      const { code, stderr } = await end;
      expect(code, stderr).to.equal(EXIT_CODE.failure);
      expect(stderr).to.match(/^holds ranks \d–\d of 4 in run \S+\nepemu: the coordinator at \S+ is gone[^\n]*\n$/);
    }
    expect(await within(GONE_MS, () => !ports.some(isBound))).to.equal(true);
  });

  it('a stopped rank ends the run with exit code 4, named, and nothing is left', async () => {
    const folder = temporary.fresh();
    const { id } = operationsOfLayerOne('prefill')[4];
    const { code, stdout, stderr } = await runWithFault(
      'prefill',
      id,
      'stop',
      folder,
      '--set',
      `stallTimeoutSeconds=${STALL_SECONDS}`,
    );
    expect({ code, stdout }, stderr).to.deep.equal({ code: EXIT_CODE.noProgress, stdout: '' });
    const pid = /rank 1 \(pid (\d+)\)/.exec(stderr)?.[1];
    expect(stderr).to.match(
      new RegExp(`no rank has moved for ${STALL_SECONDS} s; silent is rank 1 \\(pid \\d+\\) in .+ of layer 1`),
    );
    expect(await within(GONE_MS, () => !isAlive(Number(pid)))).to.equal(true);
    expect(existsSync(join(folder, '.spool'))).to.equal(false);
    expect(reportOf(folder).status).to.equal('failed');
  });

  it('a worker that is stopped before it has joined ends the run with exit code 4, named', async () => {
    const args = smallArguments('decode', { ...RUN, pace: 10 });
    const folder = temporary.fresh();
    const command = new CliProcess(['run', ...args, '--set', `stallTimeoutSeconds=${STALL_SECONDS}`, '--out', folder]);
    await within(PATIENCE_MS, () => childrenOf(command.pid).length === WORKERS);
    const workers = childrenOf(command.pid);
    process.kill(workers[1], 'SIGSTOP');
    const { code, stderr } = await command.end;
    expect(code, stderr).to.equal(EXIT_CODE.noProgress);
    expect(stderr).to.include(
      `no worker has joined for ${STALL_SECONDS} s, and 1 of 4 worker processes have not (pid ${workers[1]}, stopped); `,
    );
    expect(workers.filter(isAlive)).to.deep.equal([]);
    expect(reportOf(folder).status).to.equal('failed');
  });
});

describe('a rank killed in a phase', () => {
  const temporary = new TemporaryFolder();
  /** One phase of each sort in each scenario; every phase for `EPEMU_TEST_LONG=1`. */
  const sorts = new Set<string>();
  const all = SCENARIOS.flatMap((scenario) =>
    operationsOfLayerOne(scenario).map((operation) => {
      const sort = [scenario, operation.kind, operation.direction, operation.collective?.type].join();
      const first = !sorts.has(sort);
      sorts.add(sort);
      return { scenario, operation, tried: first || process.env['EPEMU_TEST_LONG'] === '1' };
    }),
  );
  const cases = all.filter(({ tried }) => tried);
  const ends = new Map<Operation, CliEnd & { readonly folder: string }>();

  before(async () => {
    const queue = [...cases];
    const work = async (): Promise<void> => {
      for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
        const folder = temporary.fresh();
        const end = await runWithFault(next.scenario, next.operation.id, 'kill', folder);
        ends.set(next.operation, { ...end, folder });
      }
    };
    await Promise.all(Array.from({ length: RUNS_AT_ONCE }, work));
  });
  after(() => {
    temporary.remove();
  });

  /** The rows of the block that a failed run prints. */
  function blockOf(stderr: string): Record<string, string> {
    const rows = [...stderr.matchAll(/^ {2}(\w+(?: \w+)?) {2,}(.+)$/gm)];
    return Object.fromEntries(rows.map(([, name, value]) => [name, value]));
  }

  const check = (scenario: ScenarioName, operation: Operation, tried: boolean): void => {
    (tried ? it : it.skip)(
      `${operation.phase} of ${scenario} is named with rank, pid, signal and layer, and nothing is left`,
      () => {
        const end = ends.get(operation);
        const stderr = end?.stderr ?? '';
        expect(end?.code, stderr).to.equal(EXIT_CODE.rankFailed);
        expect(end?.stdout).to.equal('');
        const { pid, outputs, ...block } = blockOf(stderr);
        const expected = { rank: String(VICTIM), signal: 'SIGKILL', layer: '1', phase: operation.phase };
        expect(block, stderr).to.deep.equal(expected);
        expect(outputs).to.include(end?.folder);
        expect(stderr.match(/the run failed/g)).to.have.length(1);
        expect(isAlive(Number(pid))).to.equal(false);
        const folder = end?.folder ?? '';
        expect(existsSync(join(folder, '.spool'))).to.equal(false);
        expect(reportOf(folder)).to.include({ status: 'failed', digest: null });
      },
    );
  };
  for (const { scenario, operation, tried } of all) check(scenario, operation, tried);
});
