import { readFileSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { expect } from 'chai';
import type { RunOutcome } from '@epemu/cluster';
import type { Report } from '@epemu/outputs';
import { EXIT_CODE, RankFailedError } from '@epemu/core';
import { digestOfOutcome, runWithWorkers } from './support/cluster-run.js';
import { small, smallArguments } from './support/configuration.js';
import { runLocally } from './support/local-run.js';
import { TestNetwork } from './support/network-namespaces.js';
import { freePort } from './support/processes.js';
import { CLI_ENTRY } from './support/run-cli.js';
import { TcpProxy } from './support/tcp-proxy.js';
import type { TcpProxyOptions } from './support/tcp-proxy.js';
import { TemporaryFolder } from './support/temporary.js';

const PROXY_ENTRY = fileURLToPath(new URL('./support/tcp-proxy-process.js', import.meta.url));
/** Delays of pieces that go through a proxy, ms: uneven, so that connections overtake each other. */
const DELAYS_MS = [0, 7, 1, 15, 3];
/** Bytes after which the trouble comes: in the midst of a small run, which sends a megabyte through the proxy. */
const MIDST_BYTES = 300_000;

describe('a network’s troubles', () => {
  const temporary = new TemporaryFolder();
  let digest: string;

  before(async () => {
    ({ digest } = await runLocally(small('decode')));
  });
  after(() => {
    temporary.remove();
  });

  /** Runs a small decode on two workers, one of them behind a proxy. */
  async function runBehind(
    options: Omit<TcpProxyOptions, 'to'>,
    changes: Record<string, unknown> = {},
  ): Promise<{ outcome: RunOutcome; troubled: boolean }> {
    const port = await freePort();
    const proxy = await TcpProxy.start({ ...options, to: { host: '127.0.0.1', port } });
    try {
      const ports = { first: port, last: port };
      const outcome = await runWithWorkers(small('decode', changes), temporary.fresh(), [
        { slots: 8 },
        { slots: 8, ports, advertise: { port: proxy.port } },
      ]);
      return { outcome, troubled: proxy.troubled };
    } finally {
      await proxy.close();
    }
  }

  it('of uneven delays change nothing virtual', async () => {
    const { outcome } = await runBehind({ delaysMs: DELAYS_MS });
    expect(digestOfOutcome(outcome)).to.equal(digest);
  });

  it('of a stall that ends change nothing virtual', async () => {
    const { outcome, troubled } = await runBehind({
      trouble: { kind: 'stall', afterBytes: MIDST_BYTES, forMs: 700 },
    });
    expect(troubled).to.equal(true);
    expect(digestOfOutcome(outcome)).to.equal(digest);
  });

  it('of a stall without end fail the run as one without progress', async () => {
    const trouble = { kind: 'stall', afterBytes: MIDST_BYTES } as const;
    const { outcome, troubled } = await runBehind({ trouble }, { stallTimeoutSeconds: 1 });
    expect(troubled).to.equal(true);
    expect(outcome.error?.exitCode).to.equal(EXIT_CODE.noProgress);
    expect(String(outcome.error)).to.match(
      /no rank has moved for 1 s; ranks 0–7 \(pid \d+ on .+\) and ranks 8–15 \(pid \d+ on .+\) do not hear each other; see/,
    );
    expect(outcome.report).to.include({ status: 'failed', digest: null });
  });

  it('do not include IPv6', async function () {
    if (!Object.values(networkInterfaces()).some((own) => own?.some(({ address }) => address === '::1'))) this.skip();
    const outcome = await runWithWorkers(small('decode'), temporary.fresh(), [{ slots: 8 }, { slots: 8 }], '::1');
    expect(digestOfOutcome(outcome)).to.equal(digest);
  });

  it('of a reset connection fail the run, which names the ranks that lost each other', async () => {
    const { outcome, troubled } = await runBehind({ trouble: { kind: 'reset', afterBytes: MIDST_BYTES } });
    expect(troubled).to.equal(true);
    expect(outcome.error).to.be.instanceOf(RankFailedError);
    expect(String(outcome.error)).to.match(
      /ranks \d+–\d+ \(pid \d+\) failed in .* of layer \d+: worker \d \(ranks \d+-\d+\)/,
    );
    expect(outcome.report).to.include({ status: 'failed', digest: null });
  });
});

describe('several machines', () => {
  const temporary = new TemporaryFolder();
  let network: TestNetwork | undefined;

  afterEach(() => {
    network?.remove();
    network = undefined;
  });
  after(() => {
    temporary.remove();
  });

  it('as network namespaces run the timeline of any other run, node by node (needs root, iproute2, unshare)', async function () {
    if (!TestNetwork.possible) this.skip();
    network = TestNetwork.make([0, 0, 0, 0, 5000]);
    const [first, ...others] = network.hosts;
    const folder = temporary.fresh();
    const token = { EPEMU_TOKEN: 'of this network' };
    const run = smallArguments('decode', { fabric: 'websocket' });
    const coordinator = network.start(
      first,
      [CLI_ENTRY, 'coordinator', ...run, '--out', folder, '--host', '0.0.0.0', '--json'],
      token,
    );
    // Two workers a host, started one host after the other in turns: ranks go host by host all the same.
    const url = `ws://${first.address}:7077`;
    const join4 = [CLI_ENTRY, 'worker', '--coordinator', url, '--slots', '2', '--port', '7100-7109'];
    // One is reached through a slow proxy alone.
    const proxied = others[2];
    const options: TcpProxyOptions = {
      listen: { host: proxied.address, port: 7200 },
      to: { host: proxied.address, port: 7300 },
      delaysMs: DELAYS_MS,
    };
    network.start(proxied, [PROXY_ENTRY, JSON.stringify(options)]);
    const behindProxy = [...join4.slice(0, -1), '7300', '--advertise', '7200'];
    const workers = [0, 1].flatMap((turn) =>
      others.map((host) => network!.start(host, host === proxied && turn === 0 ? behindProxy : join4, token)),
    );
    for (const { end } of workers) {
      const { code, stderr } = await end;
      expect(code, stderr).to.equal(0);
    }
    const { code, stdout, stderr } = await coordinator.end;
    expect(code, stderr).to.equal(0);
    const report = JSON.parse(stdout) as Report;
    expect(report.digest).to.equal((await runLocally(small('decode'))).digest);
    expect(hostsOfRanks(folder)).to.deep.equal([1, 2, 3, 4].flatMap((host) => Array<string>(4).fill(`host${host}`)));
    expectAlignedClocks(folder);
  });
});

/** @returns the host of each rank, as the run's log has it, hosts in the order of their first rank. */
function hostsOfRanks(folder: string): string[] {
  const lines = readFileSync(join(folder, 'run.log'), 'utf8').trimEnd().split('\n');
  const placed = lines
    .map((line) => JSON.parse(line) as { type?: string; workers?: { host: string; ranks: number[] }[] })
    .find(({ type }) => type === 'placed');
  const hosts: string[] = [];
  for (const { host, ranks } of placed?.workers ?? []) for (const rank of ranks) hosts[rank] = host;
  const order = [...new Set(hosts)];
  return hosts.map((host) => `host${order.indexOf(host) + 1}`);
}

/** No process may have done anything before the run began or after it was merged, by the coordinator's clock. */
function expectAlignedClocks(folder: string): void {
  const text = gunzipSync(readFileSync(join(folder, 'host-trace.json.gz'))).toString();
  const { traceEvents } = JSON.parse(text) as { traceEvents: { ph: string; pid: number; ts?: number; dur?: number }[] };
  const spans = traceEvents.flatMap(({ ph, pid, ts, dur }) =>
    ph === 'X' && ts !== undefined ? [{ pid, ts, dur }] : [],
  );
  const report = JSON.parse(readFileSync(join(folder, 'report.json'), 'utf8')) as Report;
  const workers = new Set(spans.map(({ pid }) => pid));
  expect(workers.size).to.equal(8);
  const endUs = report.host.wallSeconds * 1e6;
  for (const { ts, dur = 0, pid } of spans) {
    expect(ts, `process ${pid}`).to.be.at.least(0);
    expect(ts + dur, `process ${pid}`).to.be.at.most(endUs);
  }
}
