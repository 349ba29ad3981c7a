import { chownSync, existsSync, mkdirSync, readFileSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import type { Report } from '@epemu/outputs';
import { parseConfiguration } from '@epemu/config';
import { EXIT_CODE } from '@epemu/core';
import { ContainerEngine } from './support/container-engine.js';
import { runLocally } from './support/local-run.js';
import { freePort, within } from './support/processes.js';
import type { CliEnd } from './support/run-cli.js';
import { TemporaryFolder } from './support/temporary.js';

/** The user in the containers, who is not root even where the tests' user is. */
const USER =
  process.getuid?.() === 0
    ? { uid: 1000, gid: 1000 }
    : { uid: process.getuid?.() ?? 1000, gid: process.getgid?.() ?? 1000 };
const RANKS = 16;
const WORKERS = 4;
/** Room for a run of some seconds on a loaded machine. */
const RUN_MS = 240_000;

interface Container {
  readonly id: string;
  readonly code: number;
  readonly running: boolean;
}

describe('the compose file (needs a container engine; see docs/containers.md)', () => {
  const temporary = new TemporaryFolder();
  let engine: ContainerEngine;
  let settings: Record<string, string>;

  before(async function () {
    const found = ContainerEngine.find();
    if (found === undefined) this.skip();
    engine = found;
    const build = await engine.compose({ COMPOSE_PROFILES: '' }, 'build', 'coordinator');
    expect(build.code, build.stderr).to.equal(0);
  });

  beforeEach(async () => {
    const runs = temporary.fresh('runs');
    mkdirSync(runs);
    chownSync(temporary.path, USER.uid, USER.gid);
    chownSync(runs, USER.uid, USER.gid);
    settings = {
      COMPOSE_PROJECT_NAME: `epemu-test-${process.pid}`,
      COMPOSE_PROFILES: '',
      RUNS: runs,
      HOST_UID: String(USER.uid),
      HOST_GID: String(USER.gid),
      SCENARIO: 'decode',
      RANKS: String(RANKS),
      WORKERS: String(WORKERS),
      SLOTS: String(RANKS / WORKERS),
      PAGE_PORT: String(await freePort()),
      PROMETHEUS_PORT: String(await freePort()),
    };
  });

  afterEach(async () => {
    if (engine === undefined) return;
    const { code, stderr } = await engine.compose(settings, 'down', '--volumes', '--timeout', '5');
    expect(code, stderr).to.equal(0);
    const left = await engine.docker('ps', '--all', '--quiet', '--filter', `name=${settings['COMPOSE_PROJECT_NAME']}`);
    expect(left.stdout, 'containers left').to.equal('');
  });

  after(() => {
    temporary.remove();
  });

  const compose = async (...args: string[]): Promise<CliEnd> => {
    const end = await engine.compose(settings, ...args);
    expect(end.code, `${args.join(' ')}: ${end.stderr}`).to.equal(0);
    return end;
  };

  async function containersOf(service: string): Promise<Container[]> {
    const { stdout } = await compose('ps', '--all', '--quiet', service);
    const ids = stdout.split('\n').filter((line) => line !== '');
    return Promise.all(
      ids.map(async (id) => {
        const format = '{{.State.ExitCode}} {{.State.Running}}';
        const [code, running] = (await engine.docker('inspect', '--format', format, id)).stdout.trim().split(' ');
        return { id, code: Number(code), running: running === 'true' };
      }),
    );
  }

  /** Waits until all containers of a service have ended. @returns their exit codes. */
  async function exitCodes(service: string): Promise<number[]> {
    const containers = await containersOf(service);
    await engine.docker('wait', ...containers.map(({ id }) => id));
    return (await containersOf(service)).map(({ code }) => code);
  }

  /** The folder of the one run there is, once its report is written. */
  async function finishedRun(): Promise<string> {
    const folders = (): string[] => readdirSync(settings['RUNS']).map((name) => join(settings['RUNS'], name));
    const done = await within(RUN_MS, () => folders().some((folder) => existsSync(join(folder, 'report.html'))));
    expect(done, (await engine.compose(settings, 'logs')).stdout).to.equal(true);
    expect(folders()).to.have.length(1);
    return folders()[0];
  }

  /** Waits until a service has logged something; asking takes the engine long enough. */
  async function logged(service: string, pattern: RegExp): Promise<void> {
    const deadline = performance.now() + RUN_MS;
    for (let text = ''; !pattern.test(text);) {
      expect(performance.now(), text).to.be.below(deadline);
      text = (await compose('logs', service)).stdout;
    }
  }

  const reportOf = (folder: string): Report => JSON.parse(readFileSync(join(folder, 'report.json'), 'utf8')) as Report;

  interface Sample {
    readonly metric: Readonly<Record<string, string>>;
    readonly value: readonly [number, string];
  }

  async function query(expression: string): Promise<readonly Sample[]> {
    const url = `http://127.0.0.1:${settings['PROMETHEUS_PORT']}/api/v1/query?query=${encodeURIComponent(expression)}`;
    const { data } = (await (await fetch(url)).json()) as { data: { result: Sample[] } };
    return data.result;
  }

  it('runs decode with 16 ranks over 4 workers, with metrics of every rank, results and page', async () => {
    // Processes stay until Prometheus has found them and taken their last values.
    settings = { ...settings, METRICS_LINGER: '200' };
    await compose('up', '--detach');
    const folder = await finishedRun();
    const report = reportOf(folder);
    expect(report.status).to.equal('ok');
    expect(report.host.processes).to.equal(WORKERS + 1);
    const configuration = parseConfiguration(JSON.parse(readFileSync(join(folder, 'config.json'), 'utf8')));
    const alone = await runLocally({ ...configuration, fabric: 'memory' });
    expect(report.digest).to.equal(alone.digest);
    expect(await exitCodes('worker')).to.deep.equal(Array<number>(WORKERS).fill(0));
    for (const name of ['trace.json.gz', 'report.html', 'ranks']) {
      const { uid, gid } = statSync(join(folder, name));
      expect({ uid, gid }, name).to.deep.equal(USER);
    }
    expect(readdirSync(join(folder, 'ranks'))).to.have.length(RANKS);
    const seen = await query('count by (rank) (last_over_time(epemu_virtual_time_seconds[5m]))');
    const ranks = seen.map(({ metric }) => Number(metric['rank'])).sort((a, b) => a - b);
    expect(ranks).to.deep.equal(Array.from({ length: RANKS }, (_, rank) => rank));
    const page = `http://127.0.0.1:${settings['PAGE_PORT']}`;
    expect((await fetch(page)).status).to.equal(200);
    const served = Buffer.from(await (await fetch(`${page}/files/trace.json.gz`)).arrayBuffer());
    expect(served.equals(readFileSync(join(folder, 'trace.json.gz')))).to.equal(true);
    // The coordinator goes on serving until it is told to stop.
    await compose('exec', '-T', 'coordinator', 'node', '/epemu/docker/health.mjs');
    const id = await compose('exec', '-T', 'coordinator', 'id', '-u');
    expect(id.stdout.trim()).to.equal(String(USER.uid));
    const write = await engine.compose(settings, 'exec', '-T', 'coordinator', 'touch', '/epemu/mine');
    expect(write.stderr).to.match(/Read-only file system/);
    const path = join('runs', folder.slice(settings['RUNS'].length), 'trace.json.gz');
    const analysed = await compose('run', '--rm', '-T', 'cli', 'analyze', path, '--json');
    const { ranksSummary } = JSON.parse(analysed.stdout) as { ranksSummary: unknown[] };
    expect(ranksSummary).to.have.length(RANKS);
    await compose('stop', '--timeout', '20', 'coordinator');
    expect((await containersOf('coordinator')).map(({ code }) => code)).to.deep.equal([0]);
  });

  it('lets workers leave that are not needed, however many there are', async () => {
    settings = { ...settings, SLOTS: '8', SERVE_FOR: '0', METRICS_LINGER: '0' };
    await compose('up', '--detach', '--scale', 'worker=5', 'coordinator', 'worker');
    expect(reportOf(await finishedRun()).host.processes).to.equal(3);
    expect(await exitCodes('worker')).to.deep.equal([0, 0, 0, 0, 0]);
    expect(await exitCodes('coordinator')).to.deep.equal([0]);
  });

  it('ends a run whose worker is killed, on every side, and keeps what there is', async () => {
    settings = { ...settings, ARGUMENTS: '--layers 58 --pace 0.5', SERVE_FOR: '0', METRICS_LINGER: '0' };
    await compose('up', '--detach', 'coordinator', 'worker');
    await logged('coordinator', /running/);
    const [victim] = await containersOf('worker');
    await engine.docker('kill', '--signal', 'KILL', victim.id);
    expect(await exitCodes('coordinator')).to.deep.equal([EXIT_CODE.rankFailed]);
    const codes = await exitCodes('worker');
    expect(codes.sort((a, b) => a - b)).to.deep.equal([3, 3, 3, 137]);
    const { stdout } = await compose('logs', 'coordinator');
    expect(stdout).to.match(/the run failed: ranks \d+–\d+ \(pid \d+\) failed/);
    const report = reportOf(await finishedRun());
    expect(report).to.include({ status: 'failed', digest: null });
  });

  it('says how many joined of how many when the workers are too few', async () => {
    settings = { ...settings, RANKS: '64', WORKERS: '2', JOIN_TIMEOUT: '5', SERVE_FOR: '0', METRICS_LINGER: '0' };
    await compose('up', '--detach', 'coordinator', 'worker');
    expect(await exitCodes('coordinator')).to.deep.equal([EXIT_CODE.failure]);
    expect(await exitCodes('worker')).to.deep.equal([EXIT_CODE.failure, EXIT_CODE.failure]);
    const sentence = /the run failed: 2 workers with 8 slots joined within 5 s, but 64 ranks need that many slots/;
    expect((await compose('logs', 'coordinator')).stdout).to.match(sentence);
    expect((await compose('logs', 'worker')).stdout).to.match(sentence);
  });
});
