import { existsSync, readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { expect } from 'chai';
import { runWorker } from '@epemu/cluster';
import type { Report } from '@epemu/outputs';
import { EXIT_CODE } from '@epemu/core';
import { Packr, Unpackr } from 'msgpackr';
import { WebSocket } from 'ws';
import { TOKEN } from './support/cluster-run.js';
import { small, smallArguments } from './support/configuration.js';
import { runLocally } from './support/local-run.js';
import { freePort, within } from './support/processes.js';
import { CliProcess, runCli } from './support/run-cli.js';
import type { CliEnd } from './support/run-cli.js';
import { eventsOf } from './support/run-log.js';
import { TemporaryFolder } from './support/temporary.js';

const ENVIRONMENT = { EPEMU_TOKEN: TOKEN };
const CHANGES = { ranks: 8, layers: 2, fabric: 'websocket' };
/** Goes on for two minutes, to be ended while it runs. */
const LONG = { ...CHANGES, layers: 58, pace: 0.5 };
/** What a worker that was given ranks says, then the one sentence it ends with. */
const ONE_LINE = /^(?:holds ranks? \S+ of 8 in run \S+\n)?epemu: [^\n]+\n$/;

describe('coordinator and workers', () => {
  const temporary = new TemporaryFolder();
  after(() => {
    temporary.remove();
  });

  /** Starts a coordinator. @returns it and its address, once it listens. */
  async function coordinate(
    folder: string,
    changes: Record<string, unknown>,
    ...more: string[]
  ): Promise<{ coordinator: CliProcess; url: string }> {
    const args = ['coordinator', ...smallArguments('decode', changes), '--out', folder, '--port', '0', ...more];
    const coordinator = new CliProcess(args, ENVIRONMENT);
    const [, url] = await coordinator.stderrMatch(/listens at (ws:\S+)/);
    return { coordinator, url };
  }

  const work = (url: string, slots: number, environment = ENVIRONMENT): Promise<CliEnd> =>
    runCli(['worker', '--coordinator', url, '--slots', String(slots), '--connect-timeout', '5'], environment);

  it('a run starts when the workers’ slots cover the ranks, and has the digest of any other', async () => {
    const folder = temporary.fresh();
    const { coordinator, url } = await coordinate(folder, CHANGES);
    const workers = await Promise.all([work(url, 3), work(url, 5)]);
    const { code, stderr } = await coordinator.end;
    expect(code, stderr).to.equal(0);
    for (const worker of workers) expect(worker).to.include({ code: 0, stdout: '' });
    const said = workers.map((worker) => worker.stderr).sort();
    const [first, second] = said.map((text) => /^holds ranks (\d–\d) of 8 in run \S+-decode-\S+\n$/.exec(text)?.[1]);
    expect([first, second]).to.be.deep.oneOf([
      ['0–2', '3–7'],
      ['0–4', '5–7'],
    ]);
    const report = JSON.parse(readFileSync(join(folder, 'report.json'), 'utf8')) as Report;
    expect(report.digest).to.equal((await runLocally(small('decode', CHANGES))).digest);
    expect(report.host.processes).to.equal(3);
  });

  it('a worker that is not needed leaves with exit code 0', async () => {
    // Its page keeps the coordinator there, however long the worker that is not needed takes to come.
    const { coordinator, url } = await coordinate(temporary.fresh(), CHANGES, '--serve', String(await freePort()));
    const needed = work(url, 8);
    await coordinator.stderrMatch(/running/);
    const spare = await work(url, 8);
    const stderr = 'not needed: other workers hold the ranks\n';
    expect(spare).to.deep.equal({ code: 0, signal: null, stdout: '', stderr });
    expect((await needed).code).to.equal(0);
    await coordinator.stderrMatch(/downloads are served at/);
    coordinator.kill('SIGTERM');
    expect((await coordinator.end).code).to.equal(0);
  });

  it('a worker with a wrong token is refused with one sentence on both sides, and the run goes on', async () => {
    const folder = temporary.fresh();
    const { coordinator, url } = await coordinate(folder, CHANGES);
    const refused = await work(url, 8, { EPEMU_TOKEN: 'a wrong one' });
    expect(refused.code).to.equal(EXIT_CODE.failure);
    expect(refused.stderr)
      .to.match(ONE_LINE)
      .and.match(/refused this worker: its token is not the one of this run/);
    const accepted = await work(url, 8);
    expect(accepted.code, accepted.stderr).to.equal(0);
    expect((await coordinator.end).code).to.equal(0);
    const reasons = eventsOf(folder).filter(({ type }) => type === 'refused');
    expect(reasons.map(({ reason }) => reason)).to.deep.equal(['its token is not the one of this run']);
    expect(refused.stderr + readFileSync(join(folder, 'run.log'), 'utf8')).not.to.include('a wrong one');
  });

  it('a worker of another protocol version is refused with one sentence on both sides', async () => {
    const folder = temporary.fresh();
    const { coordinator, url } = await coordinate(folder, CHANGES);
    const socket = new WebSocket(url);
    const hello = { type: 'hello', protocolVersion: 99, token: TOKEN, pid: 1, host: 'elsewhere', slots: 8 };
    const answer = await new Promise<Buffer>((resolve, reject) => {
      socket.once('error', reject);
      socket.once('message', (data) => {
        resolve(data as Buffer);
      });
      socket.once('open', () => {
        socket.send(Buffer.concat([Buffer.from([0]), new Packr({ useRecords: false }).pack(hello)]));
      });
    });
    const told = new Unpackr({ useRecords: false }).unpack(answer.subarray(1)) as { type: string; message: string };
    expect(told.type).to.equal('refuse');
    expect(told.message).to.match(/protocol version 99.*use the same epemu on both sides/);
    expect((await work(url, 8)).code).to.equal(0);
    expect((await coordinator.end).code).to.equal(0);
    const reasons = eventsOf(folder).filter(({ type }) => type === 'refused');
    expect(reasons.map(({ reason }) => reason)).to.deep.equal([told.message]);
  });

  it('too few workers by the join time-out fail the run, which says how many joined of how many', async () => {
    const folder = temporary.fresh();
    // The worker is there before the coordinator, so that its start takes nothing of the time to join.
    const port = String(await freePort());
    const late = ['worker', '--coordinator', `ws://127.0.0.1:${port}`, '--slots', '3', '--connect-timeout', '120'];
    const joining = new CliProcess(late, ENVIRONMENT);
    await joining.stderrMatch(/no coordinator answers/);
    const { coordinator } = await coordinate(folder, CHANGES, '--join-timeout', '5', '--port', port);
    const { code, stdout, stderr } = await coordinator.end;
    const worker = await joining.end;
    expect({ code, stdout }).to.deep.equal({ code: EXIT_CODE.failure, stdout: '' });
    expect(stderr).to.match(
      /the run failed: 1 worker with 3 slots joined within 5 s, but 8 ranks need that many slots/,
    );
    expect(worker.code).to.equal(EXIT_CODE.failure);
    expect(worker.stderr).to.match(
      /\nepemu: the run failed: 1 worker with 3 slots joined within 5 s, but 8 ranks need that many slots/,
    );
    const report = JSON.parse(readFileSync(join(folder, 'report.json'), 'utf8')) as Report;
    expect(report.status).to.equal('failed');
    expect(existsSync(join(folder, '.spool'))).to.equal(false);
  });

  it('a worker that nobody answers tries again until its time is over, and names the address', async () => {
    const url = `ws://127.0.0.1:${await freePort()}`;
    const args = ['worker', '--coordinator', url, '--connect-timeout', '1'];
    const { code, stderr } = await runCli(args, ENVIRONMENT);
    expect(code).to.equal(EXIT_CODE.failure);
    const [waiting, gaveUp, ...rest] = stderr.trimEnd().split('\n');
    expect(waiting).to.match(
      new RegExp(`^no coordinator answers at ${url} yet \\(.*ECONNREFUSED.*\\); trying for 1 s$`),
    );
    expect(gaveUp).to.match(new RegExp(`^epemu: no coordinator answers at ${url} after 1 s .*; start it, check`));
    expect(rest).to.deep.equal([]);
  });

  it('a worker started before its coordinator joins it', async () => {
    const port = await freePort();
    const worker = new CliProcess(['worker', '--coordinator', `ws://127.0.0.1:${port}`, '--slots', '8'], ENVIRONMENT);
    await worker.stderrMatch(/no coordinator answers/);
    const args = ['coordinator', ...smallArguments('decode', CHANGES), '--out', temporary.fresh()];
    const { code, stderr } = await runCli([...args, '--port', String(port)], ENVIRONMENT);
    expect(code, stderr).to.equal(0);
    expect((await worker.end).code).to.equal(0);
  });

  it('a second worker with the same place is refused with one sentence on both sides, and the run goes on', async () => {
    const folder = temporary.fresh();
    const { coordinator, url } = await coordinate(folder, CHANGES);
    const first = runWorker({ coordinatorUrl: url, token: TOKEN, slots: 4, place: 0 });
    await within(10_000, () => eventsOf(folder).some(({ type }) => type === 'joined'));
    const twice = await runWorker({ coordinatorUrl: url, token: TOKEN, slots: 4, place: 0 }).catch(String);
    expect(twice).to.match(
      /refused this worker: place 0 is taken by the worker on \S+ \(pid \d+\); start each process/,
    );
    await Promise.all([first, runWorker({ coordinatorUrl: url, token: TOKEN, slots: 4, place: 1 })]);
    expect((await coordinator.end).code).to.equal(0);
    const reasons = eventsOf(folder).filter(({ type }) => type === 'refused');
    expect(reasons.map(({ reason }) => reason)).to.have.length(1);
    expect(reasons[0].reason).to.match(/place 0 is taken/);
  });

  it('ranks follow the places that a launcher gave, whoever joins first', async () => {
    const folder = temporary.fresh();
    const { coordinator, url } = await coordinate(folder, CHANGES);
    const places = [3, 1, 0, 2];
    const ended = places.map((place) => runWorker({ coordinatorUrl: url, token: TOKEN, slots: 2, place }));
    await Promise.all(ended);
    expect((await coordinator.end).code).to.equal(0);
    const placed = eventsOf(folder).find(({ type }) => type === 'placed');
    expect(placed?.workers?.map(({ ranks }) => ranks)).to.deep.equal([0, 2, 4, 6].map((rank) => [rank, rank + 1]));
  });

  it('a range of ports that is in use fails the run with one sentence on both sides', async () => {
    const folder = temporary.fresh();
    const { coordinator, url } = await coordinate(folder, CHANGES);
    const { port } = new URL(url);
    const worker = await runCli(
      ['worker', '--coordinator', url, '--slots', '8', '--port', `${port}-${port}`],
      ENVIRONMENT,
    );
    const sentence = `the worker cannot listen on 127.0.0.1: port ${port} is in use; give it other ports with --port`;
    expect(worker.code).to.equal(EXIT_CODE.failure);
    expect(worker.stderr).to.match(ONE_LINE).and.include(`epemu: ${sentence}\n`);
    const { code, stderr } = await coordinator.end;
    expect(code).to.equal(EXIT_CODE.rankFailed);
    expect(stderr).to.include(sentence);
  });

  it('workers of a range of ports take one each', async () => {
    const port = await freePort();
    const { coordinator, url } = await coordinate(temporary.fresh(), CHANGES);
    const range = ['--port', `${port}-${port + 9}`];
    const workers = [1, 2].map(() => runCli(['worker', '--coordinator', url, '--slots', '4', ...range], ENVIRONMENT));
    for (const { code, stderr } of await Promise.all(workers)) expect(code, stderr).to.equal(0);
    expect((await coordinator.end).code).to.equal(0);
  });

  it('a run that a killed worker ends is told to the other workers, who end with its exit code', async () => {
    const { coordinator, url } = await coordinate(temporary.fresh(), LONG);
    const workers = [1, 2].map(() => new CliProcess(['worker', '--coordinator', url, '--slots', '4'], ENVIRONMENT));
    await coordinator.stderrMatch(/running/);
    workers[1].kill('SIGKILL');
    const { code, stderr } = await workers[0].end;
    expect(code).to.equal(EXIT_CODE.rankFailed);
    expect(stderr)
      .to.match(ONE_LINE)
      .and.match(/the run failed: ranks \d–\d \(pid \d+\) failed (in|before)/);
    expect((await coordinator.end).code).to.equal(EXIT_CODE.rankFailed);
  });

  it('SIGTERM ends a worker, and its run with the reason on both sides', async () => {
    const { coordinator, url } = await coordinate(temporary.fresh(), LONG);
    const workers = [1, 2].map(() => new CliProcess(['worker', '--coordinator', url, '--slots', '4'], ENVIRONMENT));
    await coordinator.stderrMatch(/running/);
    workers[0].kill('SIGTERM');
    const [stopped, other] = await Promise.all(workers.map(({ end }) => end));
    expect(stopped.code).to.equal(EXIT_CODE.terminated);
    expect(stopped.stderr)
      .to.match(ONE_LINE)
      .and.match(/epemu: ended by SIGTERM\n$/);
    const { code, stderr } = await coordinator.end;
    expect(code).to.equal(EXIT_CODE.rankFailed);
    expect(stderr).to.match(
      /ranks \d–\d \(pid \d+\) failed (in .+ of layer \d+|before its first phase): ended by SIGTERM/,
    );
    expect(other.code).to.equal(EXIT_CODE.rankFailed);
    expect(other.stderr).to.match(/the run failed: ranks .*: ended by SIGTERM/);
  });

  it('SIGTERM ends a worker that waits for its coordinator', async () => {
    const url = `ws://127.0.0.1:${await freePort()}`;
    const worker = new CliProcess(['worker', '--coordinator', url], ENVIRONMENT);
    await worker.stderrMatch(/no coordinator answers/);
    worker.kill('SIGTERM');
    const { code, stderr } = await worker.end;
    expect(code).to.equal(EXIT_CODE.terminated);
    expect(stderr).to.match(/\nepemu: ended by SIGTERM\n$/);
  });

  it('a connection that never says anything keeps no coordinator from ending', async () => {
    const { coordinator, url } = await coordinate(temporary.fresh(), CHANGES);
    const silent = connect(Number(new URL(url).port), '127.0.0.1');
    silent.on('error', () => undefined);
    await new Promise((resolve) => silent.once('connect', resolve));
    coordinator.kill('SIGTERM');
    expect((await coordinator.end).code).to.equal(EXIT_CODE.terminated);
    silent.destroy();
  });

  it('a second coordinator on a port says that it is taken', async () => {
    const { coordinator, url } = await coordinate(temporary.fresh(), CHANGES);
    const port = new URL(url).port;
    const args = ['coordinator', ...smallArguments('decode', CHANGES), '--out', temporary.fresh(), '--port', port];
    const { code, stderr } = await runCli(args, ENVIRONMENT);
    expect(code).to.equal(EXIT_CODE.failure);
    expect(stderr)
      .to.include(`cannot listen on 127.0.0.1:${port}`)
      .and.match(/in use, maybe by another coordinator\); choose another --port/);
    coordinator.kill('SIGTERM');
    expect((await coordinator.end).code).to.equal(EXIT_CODE.terminated);
  });
});
