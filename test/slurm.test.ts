import { existsSync, mkdirSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import type { Report } from '@epemu/outputs';
import { EXIT_CODE } from '@epemu/core';
import { PROJECT } from './support/commands.js';
import { small, smallArguments } from './support/configuration.js';
import { runLocally } from './support/local-run.js';
import { within } from './support/processes.js';
import { eventsOf, ranksByPid } from './support/run-log.js';
import { Slurm, processesOfJob } from './support/slurm.js';
import { TemporaryFolder } from './support/temporary.js';

const SCRIPT = join(PROJECT, 'deploy/slurm/epemu.sbatch');
const TASKS = 4;
/** Goes on for two minutes, to be ended while it runs. */
const LONG = { ranks: TASKS, layers: 58, ranksPerWorker: 1, fabric: 'websocket', pace: 0.5 };
const START_MS = 60_000;
const GONE_MS = 10_000;
const VICTIM = 2;

describe('the batch script (needs Slurm)', () => {
  const temporary = new TemporaryFolder();
  let slurm: Slurm;
  let found: Slurm | undefined;

  before(async function () {
    found = await Slurm.find();
    if (found === undefined) this.skip();
    slurm = found;
  });

  after(async () => {
    await found?.close();
    temporary.remove();
  });

  /** A folder to submit from, in which a job's outputs go to `out`. */
  function submitFolder(): { folder: string; out: string } {
    const folder = temporary.fresh('submit');
    mkdirSync(folder);
    return { folder, out: join(folder, 'out') };
  }

  /** Submits a long run of {@link TASKS} tasks. @returns it once its ranks are running. */
  async function running(): Promise<{ job: string; out: string; log: () => string }> {
    const { folder, out } = submitFolder();
    const args = ['-n', String(TASKS), SCRIPT, ...smallArguments('decode', LONG), '--out', out];
    const job = await slurm.submit(folder, args);
    const log = (): string => readFileSync(join(folder, `epemu-${job}.log`), 'utf8');
    const started = (): boolean => eventsOf(out).some(({ type }) => type === 'started');
    expect(await within(START_MS, started), 'the ranks run').to.equal(true);
    return { job, out, log };
  }

  async function expectNothingLeft(job: string): Promise<void> {
    await within(GONE_MS, () => processesOfJob(job).length === 0);
    expect(processesOfJob(job), 'processes left').to.deep.equal([]);
  }

  it('runs 16 ranks over 4 tasks, which get them in their order, with the digest of any other run', async () => {
    const { folder } = submitFolder();
    const args = ['decode', '--layers', '2', '--tokens-per-microbatch', '32', '--threads', '1'];
    const job = await slurm.submit(folder, ['-n', String(TASKS), SCRIPT, ...args], { EPEMU_SLOTS: '4' });
    const { state, exitCode } = await slurm.jobEnd(job);
    const log = readFileSync(join(folder, `epemu-${job}.log`), 'utf8');
    expect({ state, exitCode }, log).to.deep.equal({ state: 'COMPLETED', exitCode: 0 });
    const [run] = readdirSync(join(folder, 'runs'));
    const report = JSON.parse(readFileSync(join(folder, 'runs', run, 'report.json'), 'utf8')) as Report;
    expect(report).to.include({ status: 'ok', ranks: 16, fabric: 'websocket' });
    expect(report.digest).to.equal((await runLocally(small('decode', { layers: 2 }))).digest);
    const places = Array.from(
      { length: TASKS },
      (_, place) => `launched by Slurm: process ${place} of ${TASKS} of job ${job}`,
    );
    for (const place of places) expect(log).to.include(place);
    await expectNothingLeft(job);
  });

  it('ends with the exit code of a run that a killed task ended, whose rank the log names', async () => {
    const { job, out, log } = await running();
    const victim = [...ranksByPid(out)].find(([, ranks]) => ranks.includes(VICTIM))?.[0] ?? 0;
    process.kill(victim, 'SIGKILL');
    expect(await slurm.jobEnd(job)).to.deep.equal({ state: 'FAILED', exitCode: EXIT_CODE.rankFailed });
    expect(log()).to.match(new RegExp(`the run failed: rank ${VICTIM}\\b`));
    await expectNothingLeft(job);
  });

  it('tells the coordinator of scancel, which writes what there is, and nothing is left', async () => {
    const { job, out, log } = await running();
    await slurm.run('scancel', [job]);
    expect((await slurm.jobEnd(job)).state).to.equal('CANCELLED');
    await expectNothingLeft(job);
    expect(log()).to.match(/ended by SIGTERM/);
    const report = JSON.parse(readFileSync(join(out, 'report.json'), 'utf8')) as Report;
    expect(report).to.include({ status: 'failed', error: 'ended by SIGTERM' });
    expect(existsSync(join(out, '.spool'))).to.equal(false);
  });
});
