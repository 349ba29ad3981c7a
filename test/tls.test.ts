import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { WebSocketFabric } from '@epemu/fabric';
import type { TlsIdentity } from '@epemu/http';
import type { Report } from '@epemu/outputs';
import { expect } from 'chai';
import { issue } from './support/certificates.js';
import type { CertificateOptions, Issued } from './support/certificates.js';
import { TOKEN } from './support/cluster-run.js';
import { small, smallArguments } from './support/configuration.js';
import { runLocally } from './support/local-run.js';
import { CliProcess, runCli } from './support/run-cli.js';
import type { CliEnd } from './support/run-cli.js';
import { TemporaryFolder } from './support/temporary.js';

const ENVIRONMENT = { EPEMU_TOKEN: TOKEN };
const CHANGES = { ranks: 4, layers: 2, ranksPerWorker: 2, fabric: 'websocket' };
const HERE = { hosts: ['localhost'], addresses: ['127.0.0.1'] };
const temporary = new TemporaryFolder();

const AUTHORITY = issue({ name: 'ours' });
const OTHER_AUTHORITY = issue({ name: 'another’s' });

/** A certificate of ours for this machine, unless told otherwise. */
function issued(options: Partial<CertificateOptions> = {}): Issued {
  return issue({ name: 'a worker', by: AUTHORITY, ...HERE, ...options });
}

/** Writes certificate and key. @returns the flags that name them. */
function flagsOf({ cert, key }: Issued, ca?: Issued): string[] {
  const folder = temporary.fresh('pem');
  mkdirSync(folder);
  const [certFile, keyFile, caFile] = ['cert', 'key', 'ca'].map((name) => join(folder, `${name}.pem`));
  writeFileSync(certFile, cert);
  writeFileSync(keyFile, key, { mode: 0o600 });
  if (ca !== undefined) writeFileSync(caFile, ca.cert);
  return ['--tls-cert', certFile, '--tls-key', keyFile, ...(ca === undefined ? [] : ['--tls-ca', caFile])];
}

after(() => {
  temporary.remove();
});

describe('a run over TLS', () => {
  const running: CliProcess[] = [];

  afterEach(async () => {
    for (const command of running.splice(0)) {
      command.kill('SIGKILL');
      await command.end;
    }
  });

  /** Starts a coordinator with a certificate. @returns it and its address. */
  async function coordinate(...flags: string[]): Promise<{ coordinator: CliProcess; url: string; folder: string }> {
    const folder = temporary.fresh();
    const args = ['coordinator', ...smallArguments('decode', CHANGES), '--out', folder, '--port', '0', ...flags];
    const coordinator = new CliProcess(args, ENVIRONMENT);
    running.push(coordinator);
    const [, url] = await coordinator.stderrMatch(/listens at (wss:\S+)/);
    return { coordinator, url, folder };
  }

  function work(url: string, ...flags: string[]): Promise<CliEnd> {
    const args = ['worker', '--coordinator', url, '--slots', '2', '--connect-timeout', '20', ...flags];
    return runCli(args, ENVIRONMENT);
  }

  it('has the digest of any other, and lets nobody in who shows no certificate of its authority', async () => {
    const { coordinator, url, folder } = await coordinate(...flagsOf(issued(), AUTHORITY));
    const strangers: [string[], RegExp][] = [
      [
        flagsOf(issued({ by: OTHER_AUTHORITY }), AUTHORITY),
        /refused this worker: its certificate is not accepted \(.*\);/,
      ],
      [flagsOf(issued(), AUTHORITY).slice(-2), /refused this worker: it shows no certificate; see --tls-cert/],
      [flagsOf(issued(), OTHER_AUTHORITY), /is not to be trusted: its certificate is not accepted \(.+\); see/],
      [flagsOf(issued()), /is not to be trusted: its certificate is not accepted \(.+\); see --tls-ca/],
    ];
    for (const [flags, sentence] of strangers) {
      const { code, stderr } = await work(url, ...flags);
      expect(stderr)
        .to.match(sentence)
        .and.match(/^epemu: [^\n]+\n$/);
      expect(code).to.equal(1);
    }
    const workers = [1, 2].map(() => work(url, ...flagsOf(issued(), AUTHORITY)));
    for (const { code, stderr } of await Promise.all(workers)) expect(code, stderr).to.equal(0);
    const { code, stderr } = await coordinator.end;
    expect(code, stderr).to.equal(0);
    const report = JSON.parse(readFileSync(join(folder, 'report.json'), 'utf8')) as Report;
    expect(report.digest).to.equal((await runLocally(small('decode', CHANGES))).digest);
    expect(readFileSync(join(folder, 'run.log'), 'utf8')).to.match(/its certificate is not accepted \(/);
  });

  it('is refused where a name is another’s, where one speaks in clear, and where peers would', async () => {
    const { coordinator, url } = await coordinate(...flagsOf(issued({ addresses: ['10.0.0.1'] })));
    const ca = flagsOf(issued(), AUTHORITY).slice(-2);
    const { code, stderr } = await work(url, ...ca);
    expect(stderr).to.match(/its certificate is not accepted \(.*does not match.*\); see .* the name in --coordinator/);
    expect(code).to.equal(1);
    const byName = url.replace('127.0.0.1', 'localhost');
    const inClear = await runCli(
      ['worker', '--coordinator', byName.replace('wss:', 'ws:'), '--connect-timeout', '2'],
      ENVIRONMENT,
    );
    expect(inClear.code).to.equal(1);
    expect(inClear.stderr).to.match(
      /^epemu: no coordinator answers at ws:\S+ after 2 s \(.*check the address, if it has TLS as wss:,/m,
    );
    // It knows the token and the authority, but would let its peers send in clear.
    const workers = await Promise.all([work(byName, ...ca), work(byName, ...ca)]);
    for (const worker of workers) expect(worker.code).to.equal(1);
    expect((await coordinator.end).stderr).to.match(
      /takes connections of its peers in clear, but the coordinator has TLS; start that worker with --tls-cert/,
    );
  });

  it('is not held up by those who say nothing, or what is no greeting', async () => {
    const { coordinator, url } = await coordinate(...flagsOf(issued(), AUTHORITY));
    const port = Number(new URL(url).port);
    const sockets = Array.from({ length: 80 }, () => connect(port, '127.0.0.1').on('error', () => undefined));
    for (const socket of sockets.slice(0, 10)) socket.write('GET / HTTP/1.1\r\n\r\n');
    await Promise.all(sockets.slice(0, 10).map((socket) => once(socket, 'close')));
    const workers = [1, 2].map(() => work(url, ...flagsOf(issued(), AUTHORITY)));
    for (const { code, stderr } of await Promise.all(workers)) expect(code, stderr).to.equal(0);
    expect((await coordinator.end).code).to.equal(0);
    for (const socket of sockets) socket.destroy();
  });

  it('is not begun by what speaks no TLS', async () => {
    const plain = new CliProcess(
      ['coordinator', ...smallArguments('decode', CHANGES), '--out', temporary.fresh(), '--port', '0'],
      ENVIRONMENT,
    );
    running.push(plain);
    const [, url] = await plain.stderrMatch(/listens at (ws:\S+)/);
    const { code, stderr } = await work(url.replace('ws:', 'wss:'), ...flagsOf(issued(), AUTHORITY));
    expect(code).to.equal(1);
    expect(stderr).to.match(/^epemu: the coordinator at wss:\S+ speaks no TLS; /);
  });
});

describe('certificates and keys that cannot be used', () => {
  const good = flagsOf(issued(), AUTHORITY);
  const [, certFile, , keyFile, , caFile] = good;
  const text = (name: string, content: string | Buffer): string => {
    const path = temporary.fresh(name);
    writeFileSync(path, content, { mode: 0o600 });
    return path;
  };
  const pipe = (): string => {
    const path = temporary.fresh('pipe');
    execFileSync('mkfifo', [path]);
    return path;
  };
  const open = (): string => {
    const path = text('key', readFileSync(keyFile));
    chmodSync(path, 0o644);
    return path;
  };
  const cases: Record<string, [flags: () => string[], sentence: RegExp]> = {
    'a certificate without its key': [() => ['--tls-cert', certFile], /--tls-cert is given without --tls-key; /],
    'a key without its certificate': [() => ['--tls-key', keyFile], /--tls-key is given without --tls-cert; /],
    'a file that is not there': [() => ['--tls-ca', '/nowhere'], /--tls-ca \/nowhere cannot be read \(ENOENT/],
    'a folder': [
      () => ['--tls-cert', '/tmp', '--tls-key', keyFile],
      /--tls-cert \/tmp cannot be read \(it is a folder/,
    ],
    'a pipe': [() => ['--tls-ca', pipe()], /--tls-ca \S+ cannot be read \(it is a pipe/],
    'what is no certificate': [() => ['--tls-ca', 'README.md'], /--tls-ca README.md holds no certificate \(no BEGIN/],
    'a damaged certificate': [
      () => ['--tls-ca', text('ca', readFileSync(caFile, 'utf8').replace(/\nMII..../, '\nMIIAAAA'))],
      /--tls-ca \S+ holds no certificate \(/,
    ],
    'a certificate for a key': [
      () => ['--tls-cert', certFile, '--tls-key', certFile],
      /--tls-key \S+ holds no private key to use \(/,
    ],
    'the key of another certificate': [
      () => ['--tls-cert', certFile, '--tls-key', text('key', issued().key)],
      /--tls-key \S+ is not the key of the certificate that --tls-cert names; /,
    ],
    'a key that everybody reads': [
      () => ['--tls-cert', certFile, '--tls-key', open()],
      /--tls-key \S+ has mode 0644, which lets everybody at the key; chmod 600 it/,
    ],
    'a certificate that has expired': [
      () => flagsOf(issued({ days: [-9, -1] })),
      /--tls-cert \S+ expired on .* GMT; renew it/,
    ],
    'one that does not hold yet': [
      () => flagsOf(issued({ days: [2, 9] })),
      /--tls-cert \S+ does not hold before .* GMT; /,
    ],
    'an authority that has expired': [
      () => ['--tls-ca', text('ca', issue({ name: 'old', days: [-9, -1] }).cert)],
      /--tls-ca \S+ expired on /,
    ],
  };

  for (const [what, [flags, sentence]] of Object.entries(cases)) {
    it(`are refused: ${what}`, async () => {
      const { code, stderr } = await runCli(['worker', '--coordinator', 'wss://127.0.0.1:9', ...flags()], ENVIRONMENT);
      expect(stderr)
        .to.match(sentence)
        .and.match(/^epemu: [^\n]+\n$/);
      expect(code).to.equal(2);
    });
  }

  it('are refused where nothing would be encrypted', async () => {
    const worker = await runCli(['worker', '--coordinator', 'ws://127.0.0.1:9', ...good], ENVIRONMENT);
    expect(worker).to.deep.include({ code: 2 });
    expect(worker.stderr).to.match(/--coordinator is ws:\S+ to which all goes in clear, but there are certificates; /);
    const coordinator = await runCli(['coordinator', 'decode', '--tls-ca', caFile], ENVIRONMENT);
    expect(coordinator).to.deep.include({ code: 2 });
    expect(coordinator.stderr).to.include('--tls-ca is given without --tls-cert and --tls-key');
  });

  it('come by variables, too, of which empty ones name nothing', async () => {
    const named = { ...ENVIRONMENT, EPEMU_TLS_CERT: certFile, EPEMU_TLS_KEY: '' };
    const { code, stderr } = await runCli(['worker', '--coordinator', 'wss://127.0.0.1:9'], named);
    expect(code).to.equal(2);
    expect(stderr).to.include('--tls-cert is given without --tls-key');
  });
});

describe('links of the fabric over TLS', () => {
  const fabrics: WebSocketFabric[] = [];

  afterEach(async () => {
    await Promise.all(fabrics.splice(0).map((fabric) => fabric.close()));
  });

  /** @returns how connecting two workers ended on either side: undefined where it went well, else the sentence. */
  async function connecting(identities: readonly [TlsIdentity, TlsIdentity]): Promise<(string | undefined)[]> {
    const [low, high] = identities.map(
      (tls, worker) =>
        new WebSocketFabric({ worker, workerOfRank: [0, 1], runId: 'run', token: TOKEN, tls, connectTimeoutMs: 4000 }),
    );
    fabrics.push(low, high);
    const { port } = await high.listen();
    const peers = [{ worker: 1, url: `wss://127.0.0.1:${port}` }];
    const [first] = await Promise.allSettled([low.connect(peers)]);
    const failed = first.status === 'rejected' ? String(first.reason) : undefined;
    if (failed !== undefined) return [failed];
    const [second] = await Promise.allSettled([high.connect([{ worker: 0, url: 'wss://127.0.0.1:9' }])]);
    return [failed, second.status === 'rejected' ? String(second.reason) : undefined];
  }

  const ours: TlsIdentity = { ...issued(), ca: AUTHORITY.cert };

  it('stand between certificates of one authority', async () => {
    const [low, high] = [0, 1].map(
      (worker) => new WebSocketFabric({ worker, workerOfRank: [0, 1], runId: 'run', token: TOKEN, tls: ours }),
    );
    fabrics.push(low, high);
    const { port } = await high.listen();
    await Promise.all([
      low.connect([{ worker: 1, url: `wss://127.0.0.1:${port}` }]),
      high.connect([{ worker: 0, url: 'wss://127.0.0.1:9' }]),
    ]);
  });

  const wrong: Record<string, Partial<CertificateOptions>> = {
    'another authority’s': { by: OTHER_AUTHORITY },
    'past its time': { days: [-9, -1] },
    'before its time': { days: [2, 9] },
  };
  for (const [what, options] of Object.entries(wrong)) {
    const theirs: TlsIdentity = { ...issued(options), ca: AUTHORITY.cert };

    it(`are refused by who dials one whose certificate is ${what}`, async () => {
      const [sentence] = await connecting([ours, theirs]);
      expect(sentence).to.match(
        /HandshakeError: worker 1 at wss:\S+ is not to be trusted: its certificate is not accepted \(.+\)$/,
      );
    });

    it(`are refused by who is dialled by one whose certificate is ${what}`, async () => {
      const [sentence] = await connecting([theirs, ours]);
      expect(sentence).to.match(
        /HandshakeError: worker 1 at wss:\S+ refused this worker: its certificate is not accepted \(.+\)$/,
      );
    });
  }

  it('are refused where the name is another’s', async () => {
    const [sentence] = await connecting([ours, { ...issued({ addresses: ['10.0.0.1'] }), ca: AUTHORITY.cert }]);
    expect(sentence).to.match(/is not to be trusted: its certificate is not accepted \(.*10\.0\.0\.1/);
  });
});
