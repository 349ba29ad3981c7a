import { readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { expect } from 'chai';
import type { Report } from '@epemu/outputs';
import { EXIT_CODE } from '@epemu/core';
import { smallArguments } from './support/configuration.js';
import { freePort, isBound } from './support/processes.js';
import { CliProcess, endAll, runCli } from './support/run-cli.js';
import type { CliEnd } from './support/run-cli.js';
import { TemporaryFolder } from './support/temporary.js';

const CHANGES = { ranks: 8, layers: 2, payload: 'none' };
const CONFIDENTIAL = 'nobody may read this';
const ONE_LINE = /^epemu: [^\n]+\n$/;

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Buffer;
}

describe('a served run', () => {
  const temporary = new TemporaryFolder();
  const commands: CliProcess[] = [];
  after(() => {
    temporary.remove();
  });
  afterEach(() => endAll(commands));

  /** A path is asked for as it is: no client tidies it up. */
  function ask(port: number, path: string, method = 'GET', host = `127.0.0.1:${port}`): Promise<Answer> {
    return new Promise((resolve, reject) => {
      request({ port, path, method, host: '127.0.0.1', headers: { host }, agent: false }, (response) => {
        const parts: Buffer[] = [];
        response.on('data', (part: Buffer) => parts.push(part));
        response.on('end', () => {
          resolve({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(parts) });
        });
      })
        .on('error', reject)
        .end();
    });
  }

  async function ended(...more: string[]): Promise<{ command: CliProcess; port: number; folder: string }> {
    const [port, folder] = [await freePort(), temporary.fresh()];
    const args = ['run', ...smallArguments('decode', CHANGES), '--out', folder, '--serve', String(port), ...more];
    const command = new CliProcess(args);
    commands.push(command);
    await command.stderrMatch(/downloads are served at/);
    return { command, port, folder };
  }

  it('has the same digest as one that nobody looks at', async () => {
    const digestOf = async (...more: string[]): Promise<unknown> => {
      const args = ['run', ...smallArguments('decode', { ...CHANGES, fabric: 'websocket' }), '--json'];
      const { code, stdout, stderr } = await runCli([...args, '--out', temporary.fresh(), ...more]);
      expect(code, stderr).to.equal(0);
      return (JSON.parse(stdout) as Report).digest;
    };
    const port = String(await freePort());
    expect(await digestOf('--serve', port, '--serve-for', '0'))
      .to.be.a('string')
      .and.equal(await digestOf());
  });

  it('leaves with the run for --serve-for 0, and after so many seconds otherwise', async () => {
    for (const [seconds, lines] of [
      ['0', 0],
      ['0.2', 1],
    ] as const) {
      const port = await freePort();
      const args = ['run', ...smallArguments('decode', CHANGES), '--out', temporary.fresh()];
      const { code, stderr } = await runCli(args, { EPEMU_SERVE: String(port), EPEMU_SERVE_FOR: seconds });
      expect(code, stderr).to.equal(0);
      expect(stderr.match(/live page at/g)).to.have.length(1);
      expect((stderr.match(/downloads are served at/g) ?? []).length, seconds).to.equal(lines);
      expect(isBound(port)).to.equal(false);
    }
  });

  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    it(`${signal} after a run that ended well is no failure`, async () => {
      const { command, port } = await ended();
      command.kill(signal);
      const { code, stderr } = await command.end;
      expect(code, stderr).to.equal(0);
      expect(isBound(port)).to.equal(false);
    });
  }

  it('a signal while it runs ends it and the page, and nothing lingers', async () => {
    const port = await freePort();
    const args = ['run', ...smallArguments('decode', { ...CHANGES, layers: 58, fabric: 'websocket' })];
    const command = new CliProcess([...args, '--out', temporary.fresh(), '--serve', String(port)]);
    commands.push(command);
    await command.stderrMatch(/^running/m);
    command.kill('SIGINT');
    const { code, stderr } = await command.end;
    expect(code).to.equal(EXIT_CODE.interrupted);
    expect(stderr).not.to.include('are served at');
    expect(isBound(port)).to.equal(false);
  });

  it('offers its files whole, with type, length and a name to save under', async () => {
    const { port, folder } = await ended();
    for (const [name, type] of [
      ['trace.json.gz', 'application/gzip'],
      ['host-trace.json.gz', 'application/gzip'],
      ['operations.bin.gz', 'application/gzip'],
      ['ranks/rank-00007.json.gz', 'application/gzip'],
      ['report.json', 'application/json'],
      ['config.json', 'application/json'],
      ['metrics.prom', 'text/plain; charset=utf-8'],
      ['run.log', 'text/plain; charset=utf-8'],
      ['report.html', 'text/html; charset=utf-8'],
    ]) {
      const { status, headers, body } = await ask(port, `/files/${name}`);
      const content = readFileSync(join(folder, name));
      expect({ name, status, equal: body.equals(content) }).to.deep.equal({ name, status: 200, equal: true });
      expect(headers['content-type']).to.equal(type);
      expect(headers['content-length']).to.equal(String(content.byteLength));
      expect(headers['content-disposition']).to.match(
        /^attachment; filename="\d{8}-\d{6}-decode-[0-9a-f]{6}-[\w.-]+"$/,
      );
      const head = await ask(port, `/files/${name}`, 'HEAD');
      expect([head.status, head.headers['content-length'], head.body.byteLength]).to.deep.equal([
        200,
        String(content.byteLength),
        0,
      ]);
    }
    const report = await ask(port, '/report.html');
    expect(report.body.equals(readFileSync(join(folder, 'report.html')))).to.equal(true);
    expect(report.headers['content-disposition']).to.equal('inline');
    expect(await ask(port, '/healthz')).to.include({ status: 200 });
  });

  it('offers nothing else, however it is asked for', async () => {
    const { port, folder } = await ended();
    writeFileSync(join(folder, 'secret.json'), CONFIDENTIAL);
    writeFileSync(join(temporary.path, 'secret'), CONFIDENTIAL);
    rmSync(join(folder, 'report.json'));
    symlinkSync(join(temporary.path, 'secret'), join(folder, 'report.json'));
    const paths = [
      ...['/files/', '/files/secret.json', '/files/../secret.json', '/files/..%2fsecret', '/files/%2e%2e/secret'],
      ...['/files//etc/passwd', '/files/%2fetc%2fpasswd', '/files/..%5csecret', '/files/config.json%00', '/files/%00'],
      ...['/files/report.json', '/files/ranks/', '/files/ranks/../../secret', '/files/ranks/..%2f..%2fsecret'],
      ...['/files/ranks/rank-00008.json.gz', '/files/ranks/rank-%30%30%30%30%30.json.gz', '/files/.spool', '/secret'],
      ...['/files/config.json/', '/files/config%2ejson', '/../../etc/passwd', '//etc/passwd', '/files/%', '/files/%zz'],
    ];
    for (const path of paths) {
      const { status, body } = await ask(port, path);
      expect(status, path).to.be.within(400, 404);
      expect(body.toString(), path).not.to.include(CONFIDENTIAL).and.not.to.include('root:');
    }
    expect(await ask(port, '/files/config.json', 'POST')).to.include({ status: 405 });
    expect(await ask(port, '/files/config.json', 'GET', 'evil.example')).to.include({ status: 403 });
  });

  it('offers what is not whole yet only once the run has ended', async () => {
    const [port, folder] = [await freePort(), temporary.fresh()];
    const args = ['coordinator', ...smallArguments('decode', CHANGES), '--port', '0', '--out', folder];
    const command = new CliProcess([...args, '--serve', String(port)], { EPEMU_TOKEN: 'x' });
    commands.push(command);
    await command.stderrMatch(/listens at/);
    for (const path of ['/report.html', '/files/trace.json.gz', '/files/report.json']) {
      const { status, body } = await ask(port, path);
      expect(status).to.equal(404);
      expect(body.toString()).to.match(/is there once the run has ended\n$/);
    }
    expect((await ask(port, '/files/config.json')).body.equals(readFileSync(join(folder, 'config.json')))).to.equal(
      true,
    );
    expect((await ask(port, '/files/run.log')).status).to.equal(200);
  });

  it('is a page that loads nothing from elsewhere and runs no script but its own', async () => {
    const { port } = await ended();
    const { headers, body } = await ask(port, '/');
    const policy = String(headers['content-security-policy']);
    expect(policy).to.match(
      /^default-src 'none'; script-src 'sha256-[^']+'; style-src 'sha256-[^']+'; connect-src 'self'/,
    );
    expect(policy).not.to.include('unsafe');
    expect(headers['cache-control']).to.equal('no-store');
    const markup = body.toString().replace(/<(script|style)>.*?<\/\1>/gs, '');
    expect(markup).to.include('<main').and.not.to.include('<script');
    expect(markup).not.to.match(/(?:src|href)="(?!data:)/);
  });

  it('says an address that others reach when it listens on all of them', async () => {
    const port = await freePort();
    const args = ['run', ...smallArguments('decode', CHANGES), '--out', temporary.fresh(), '--serve-for', '0'];
    const { code, stderr } = await runCli([...args, '--serve', `0.0.0.0:${port}`]);
    expect(code, stderr).to.equal(0);
    const [, host] = /live page at http:\/\/([^:/]+):\d+\/ \(to whoever reaches it: it has no password\)/.exec(stderr)!;
    expect(host).not.to.equal('0.0.0.0');
  });

  it('is refused with one sentence before anything starts where it cannot be', async () => {
    const folder = temporary.fresh();
    const refused = async (...more: string[]): Promise<CliEnd> => {
      const end = await runCli(['run', ...smallArguments('decode', CHANGES), '--out', folder, ...more]);
      expect(end.stdout).to.equal('');
      expect(end.stderr).to.match(ONE_LINE);
      return end;
    };
    const wrong = await refused('--serve', 'http://here');
    expect(wrong.code).to.equal(EXIT_CODE.badInput);
    expect(wrong.stderr).to.include('--serve is http://here, but it must be port, host or host:port');
    const scenario = await refused('--serve', 'decode');
    expect(scenario.code).to.equal(EXIT_CODE.badInput);
    expect(scenario.stderr).to.include(
      '--serve is decode, which is a scenario and no address; write the scenario first',
    );
    for (const seconds of ['soon', '-1', ' ']) {
      const end = await refused('--serve-for', seconds);
      expect(end.code).to.equal(EXIT_CODE.badInput);
      expect(end.stderr).to.include(`--serve-for is ${seconds}, but it must be seconds`);
    }
    const taken = createServer();
    const port = await freePort();
    await new Promise<void>((resolve) => taken.listen(port, '127.0.0.1', resolve));
    const end = await refused('--serve', String(port));
    taken.close();
    expect(end.code).to.equal(EXIT_CODE.failure);
    expect(end.stderr).to.include(`the live page cannot be served at 127.0.0.1:${port} (the port is in use)`);
  });
});
