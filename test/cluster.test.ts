import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import type { Report } from '@epemu/cluster';
import { EXIT_CODE } from '@epemu/core';
import { Packr, Unpackr } from 'msgpackr';
import { WebSocket } from 'ws';
import { TOKEN } from './support/cluster-run.js';
import { small, smallArguments } from './support/configuration.js';
import { runLocally } from './support/local-run.js';
import { CliProcess, runCli } from './support/run-cli.js';
import type { CliEnd } from './support/run-cli.js';
import { eventsOf } from './support/run-log.js';
import { TemporaryFolder } from './support/temporary.js';

const ENVIRONMENT = { EPEMU_TOKEN: TOKEN };
const CHANGES = { ranks: 8, layers: 2, fabric: 'websocket' };
/** Enough layers for a worker that comes while the run goes on. */
const LONG = { ...CHANGES, layers: 58 };
const ONE_LINE = /^epemu: [^\n]+\n$/;

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
    for (const worker of workers) expect(worker).to.deep.equal({ code: 0, signal: null, stdout: '', stderr: '' });
    const report = JSON.parse(readFileSync(join(folder, 'report.json'), 'utf8')) as Report;
    expect(report.digest).to.equal((await runLocally(small('decode', CHANGES))).digest);
    expect(report.host.processes).to.equal(3);
  });

  it('a worker that is not needed leaves with exit code 0', async () => {
    const { coordinator, url } = await coordinate(temporary.fresh(), LONG);
    const needed = work(url, 8);
    await coordinator.stderrMatch(/running/);
    const spare = await work(url, 8);
    expect(spare).to.deep.equal({ code: 0, signal: null, stdout: '', stderr: '' });
    expect((await needed).code).to.equal(0);
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
    const { coordinator, url } = await coordinate(folder, CHANGES, '--join-timeout', '2');
    const worker = await work(url, 3);
    const { code, stdout, stderr } = await coordinator.end;
    expect({ code, stdout }).to.deep.equal({ code: EXIT_CODE.failure, stdout: '' });
    expect(stderr).to.match(
      /the run failed: 1 worker with 3 slots joined within 2 s, but 8 ranks need that many slots/,
    );
    expect(worker.code).to.equal(EXIT_CODE.failure);
    expect(worker.stderr)
      .to.match(ONE_LINE)
      .and.match(/coordinator at \S+ is gone/);
    const report = JSON.parse(readFileSync(join(folder, 'report.json'), 'utf8')) as Report;
    expect(report.status).to.equal('failed');
    expect(existsSync(join(folder, '.spool'))).to.equal(false);
  });

  it('a second coordinator on a port says that it is taken', async () => {
    const { coordinator, url } = await coordinate(temporary.fresh(), CHANGES);
    const port = new URL(url).port;
    const args = ['coordinator', ...smallArguments('decode', CHANGES), '--out', temporary.fresh(), '--port', port];
    const { code, stderr } = await runCli(args, ENVIRONMENT);
    expect(code).to.equal(EXIT_CODE.failure);
    expect(stderr).to.include(`cannot listen on 127.0.0.1:${port}`).and.include('--port');
    coordinator.kill('SIGTERM');
    expect((await coordinator.end).code).to.equal(EXIT_CODE.terminated);
  });
});
