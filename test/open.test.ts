import { createHash } from 'node:crypto';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, get } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { expect } from 'chai';
import { EXIT_CODE } from '@epemu/core';
import { CHROMIUM, launchBrowser } from './support/browser.js';
import { smallArguments } from './support/configuration.js';
import { openLive } from './support/live-browser.js';
import type { KeptTrace } from './support/live-browser.js';
import { isBound } from './support/processes.js';
import { CliProcess, endAll, runCli } from './support/run-cli.js';
import { TemporaryFolder } from './support/temporary.js';

/** The only local port that Perfetto fetches from. */
const PORT = 9001;
const ONE_LINE = /^epemu: [^\n]+\n$/;

describe('epemu open, where port 9001 is free', () => {
  const temporary = new TemporaryFolder();
  const commands: CliProcess[] = [];
  let run: string;

  before(async function () {
    if (isBound(PORT)) this.skip();
    run = temporary.fresh('run');
    const args = smallArguments('decode', { ranks: 8, layers: 1, payload: 'none' });
    const { code, stderr } = await runCli(['run', ...args, '--out', run]);
    expect(code, stderr).to.equal(0);
  });
  after(() => {
    temporary.remove();
  });
  afterEach(() => endAll(commands));

  /** Starts the command. @returns it once it serves. */
  async function serving(...args: string[]): Promise<CliProcess> {
    const command = new CliProcess(['open', ...args, '--no-browser']);
    commands.push(command);
    await command.stdoutMatch(/9001/);
    return command;
  }

  function fetchFrom(path: string, headers: Record<string, string> = {}): Promise<IncomingMessage> {
    return new Promise((resolve, reject) => {
      get({ host: '127.0.0.1', port: PORT, path, headers, agent: false }, resolve).on('error', reject);
    });
  }

  async function bodyOf(response: IncomingMessage): Promise<Buffer> {
    const parts: Buffer[] = [];
    for await (const part of response) parts.push(part as Buffer);
    return Buffer.concat(parts);
  }

  for (const [what, flags, file] of [
    ['the merged trace', [], 'trace.json.gz'],
    ['a rank’s own', ['--rank', '5'], 'ranks/rank-00005.json.gz'],
    ['the host trace', ['--host-trace'], 'host-trace.json.gz'],
  ] as const) {
    it(`serves ${what} to Perfetto alone, and ends when it was fetched`, async () => {
      const command = await serving(run, ...flags, '--json');
      const name = file.split('/').at(-1)!;
      const response = await fetchFrom(`/${name}`);
      const content = readFileSync(join(run, file));
      expect(response.headers['access-control-allow-origin']).to.equal('https://ui.perfetto.dev');
      expect(response.headers['content-length']).to.equal(String(content.byteLength));
      expect((await bodyOf(response)).equals(content)).to.equal(true);
      const { code, stdout, stderr } = await command.end;
      expect(code, stderr).to.equal(0);
      expect(JSON.parse(stdout)).to.deep.equal({
        url: `https://ui.perfetto.dev/#!/?url=http://127.0.0.1:9001/${name}`,
        file: join(run, file),
      });
      expect(isBound(PORT)).to.equal(false);
    });
  }

  it('serves any trace, and goes on until one has fetched all of it', async () => {
    const large = join(temporary.path, 'large.json');
    const event = { ph: 'X', name: 'n'.repeat(1000), ts: 0, dur: 1, pid: 1, tid: 1 };
    writeFileSync(large, JSON.stringify({ traceEvents: Array.from({ length: 20_000 }, () => event) }));
    const command = await serving(large);
    const cut = await fetchFrom('/large.json');
    cut.destroy();
    const other = await fetchFrom('/other.json');
    expect(other.statusCode).to.equal(404);
    other.resume();
    expect((await bodyOf(await fetchFrom('/large.json'))).equals(readFileSync(large))).to.equal(true);
    expect((await command.end).code).to.equal(0);
  });

  it('ends with one sentence when nobody fetches it in time', async () => {
    const { code, stdout, stderr } = await runCli(['open', run, '--no-browser', '--timeout', '1']);
    expect(code).to.equal(EXIT_CODE.failure);
    expect(stdout).to.equal('https://ui.perfetto.dev/#!/?url=http://127.0.0.1:9001/trace.json.gz\n');
    expect(stderr).to.match(ONE_LINE).and.include('nobody fetched the trace within 1 s');
  });

  it('is ended by Ctrl-C', async () => {
    const command = await serving(run);
    command.kill('SIGINT');
    expect((await command.end).code).to.equal(EXIT_CODE.interrupted);
  });

  it('refuses what is no run, no trace, or not there, with one sentence', async () => {
    const empty = temporary.fresh('empty');
    const text = join(temporary.path, 'text.json');
    writeFileSync(text, '{"a":1}');
    const none = join(temporary.path, 'none.json');
    writeFileSync(none, '{"traceEvents":[]}');
    for (const [args, said] of [
      [[empty], 'there is no '],
      [[temporary.path], 'is no run’s folder'],
      [[text], 'it has no "traceEvents" array'],
      [[none], 'has no events'],
      [[run, '--rank', '8'], 'left no ranks/rank-00008.json.gz'],
      [[run, '--rank', 'x'], '--rank is x, but it must be a whole number'],
      [[run, '--rank', '1', '--host-trace'], '--rank and --host-trace name two traces'],
      [[text, '--rank', '1'], '--rank chooses a trace of a run’s folder'],
      [[run, '--timeout', '0'], '--timeout is 0, but it must be a whole number from 1'],
    ] as const) {
      const { code, stdout, stderr } = await runCli(['open', ...args, '--no-browser']);
      expect({ args, code, stdout }).to.deep.equal({ args, code: EXIT_CODE.badInput, stdout: '' });
      expect(stderr.replaceAll("'", '’')).to.match(ONE_LINE).and.include(said);
    }
    rmSync(text);
  });

  it('says which port is in use', async () => {
    const taken = createServer();
    await new Promise<void>((resolve) => taken.listen(PORT, '127.0.0.1', resolve));
    const { code, stderr } = await runCli(['open', run, '--no-browser']);
    taken.close();
    expect(code).to.equal(EXIT_CODE.failure);
    expect(stderr).to.match(ONE_LINE).and.include('127.0.0.1:9001').and.include('the port is in use');
  });

  if (CHROMIUM === undefined) it.skip('is not tested in a browser: no chromium is installed in /usr/bin');
  else {
    it('a browser at Perfetto’s address may fetch the trace, and gets all of it', async () => {
      const browser = await launchBrowser(CHROMIUM!);
      try {
        const command = await serving(run);
        const url = `https://ui.perfetto.dev/#!/?url=http://127.0.0.1:${PORT}/trace.json.gz`;
        const { page, context } = await openLive(browser, 'about:blank');
        await context.grantPermissions(['local-network-access'], { origin: 'https://ui.perfetto.dev' });
        await page.goto(url);
        await page.waitForFunction('window.kept !== undefined || window.failed !== undefined');
        const kept = await page.evaluate<KeptTrace | string>('window.kept ?? window.failed');
        const trace = readFileSync(join(run, 'trace.json.gz'));
        expect(kept).to.include({ bytes: trace.byteLength, sha256: createHash('sha256').update(trace).digest('hex') });
        expect((await command.end).code).to.equal(0);
      } finally {
        await browser.close();
      }
    });
  }
});
