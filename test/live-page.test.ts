import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { EXIT_CODE } from '@epemu/core';
import type { Report } from '@epemu/outputs';
import { Packr } from 'msgpackr';
import type { Browser, Page } from 'playwright-core';
import { WebSocket } from 'ws';
import { CHROMIUM, colourOf, contrast, launchBrowser, until } from './support/browser.js';
import { small, smallArguments } from './support/configuration.js';
import { TOKEN } from './support/cluster-run.js';
import { operationsOfLayerOne, VICTIM } from './support/fault-runs.js';
import { openLive, PERFETTO } from './support/live-browser.js';
import type { KeptTrace, LivePageInBrowser } from './support/live-browser.js';
import { runLocally } from './support/local-run.js';
import { freePort } from './support/processes.js';
import { CliProcess, endAll, runCli } from './support/run-cli.js';
import { TemporaryFolder } from './support/temporary.js';

/** Goes on for two minutes: for looking at a run that is under way, and is ended when enough was seen. */
const UNDER_WAY = { ranks: 16, layers: 58, fabric: 'websocket', pace: 0.5 };
const SHORT = { ranks: 16, layers: 4, fabric: 'websocket' };
const ENVIRONMENT = { EPEMU_TOKEN: TOKEN };

const reportOf = (folder: string): Report => JSON.parse(readFileSync(join(folder, 'report.json'), 'utf8')) as Report;

function livePageTests(executablePath: string): void {
  const temporary = new TemporaryFolder();
  const commands: CliProcess[] = [];
  const opened: LivePageInBrowser[] = [];
  let browser: Browser;

  before(async () => {
    browser = await launchBrowser(executablePath);
  });
  after(async () => {
    await browser.close();
    temporary.remove();
  });
  afterEach(async () => {
    for (const { context } of opened.splice(0)) await context.close();
    await endAll(commands);
  });

  /** A command whose page is served. */
  async function serving(
    args: readonly string[],
    port: number,
    environment: Record<string, string> = {},
  ): Promise<{ command: CliProcess; url: string; folder: string }> {
    const folder = temporary.fresh();
    const command = new CliProcess([...args, '--serve', String(port), '--out', folder], environment);
    commands.push(command);
    const [, url] = await command.stderrMatch(/live page at (\S+)/);
    return { command, url, folder };
  }

  async function look(url: string, how: Parameters<typeof openLive>[2] = {}): Promise<LivePageInBrowser> {
    const live = await openLive(browser, url, how);
    opened.push(live);
    return live;
  }

  /** The page has said nothing, and asked for nothing but what the run serves. */
  function expectQuiet({ messages, requests }: LivePageInBrowser, url: string): void {
    expect(messages, 'console').to.deep.equal([]);
    expect(requests.filter((request) => !request.startsWith(url) && !request.startsWith('data:'))).to.deep.equal([]);
  }

  const stageIs = (page: Page, stage: string): Promise<void> =>
    until(page, `document.getElementById('stage').textContent === '${stage}'`);
  const progressOf = (page: Page): Promise<number> => page.evaluate("document.getElementById('progress').value");
  const drawingOf = (page: Page): Promise<string> => page.evaluate("document.getElementById('timeline').toDataURL()");
  const linesOf = (page: Page): Promise<string[]> => page.locator('#log li').allInnerTexts();

  it('shows a run while it is under way', async () => {
    const { command, url } = await serving(['run', ...smallArguments('decode', UNDER_WAY)], await freePort());
    const live = await look(url);
    const { page } = live;
    await stageIs(page, 'Running');
    expect(await page.title()).to.match(/^\d+ % · decode, 16 ranks$/);
    const ranks = page.getByRole('option');
    expect(await ranks.count()).to.equal(16);
    expect(await page.getByRole('group').count()).to.equal(2);

    // Progress, timeline, lag and log move on.
    const [progress, drawing] = [await progressOf(page), await drawingOf(page)];
    await until(page, `document.getElementById('progress').value > ${progress}`);
    await until(page, `document.getElementById('timeline').toDataURL() !== '${drawing}'`);
    await until(page, "document.querySelectorAll('.rank[class*=lag-]').length === 16");
    expect(await ranks.first().getAttribute('aria-label')).to.match(
      /^rank 0, node 0, running: [\d.,]+ µs behind the earliest \(mean [\d.,]+ µs\)$/,
    );
    const log = await linesOf(page);
    expect(log.filter((line) => line.includes('joined with 8 slots'))).to.have.length(2);
    expect(log.at(-1)).to.match(/^\d\d:\d\d:\d\d\.\d\s*ranks start$/);
    const tiles = await page.locator('.tile dt').allInnerTexts();
    expect(tiles).to.include.members(['Layer time', 'Throughput per GPU', 'Virtual lag', 'Messages']);

    // Another rank, by pointer and by keys.
    await ranks.nth(9).click();
    await until(page, "document.getElementById('timeline').dataset.rank === '9'");
    expect(await page.getByRole('heading', { name: 'Rank 9' }).isVisible()).to.equal(true);
    await page.keyboard.press('ArrowUp');
    await until(page, "document.getElementById('timeline').dataset.rank === '1'");
    expect(await ranks.nth(1).getAttribute('aria-selected')).to.equal('true');
    expect(await page.locator('[role=option][tabindex="0"]').count()).to.equal(1);
    await page.locator('#timeline').press('ArrowRight');
    expect(await page.locator('#timeline-tooltip').innerText()).to.match(
      /layer\s+\d+\s+on\s+stream 7\s+from\s+[\d,.]+ µs/,
    );
    expectQuiet(live, url);

    command.kill('SIGINT');
    expect((await command.end).code).to.equal(EXIT_CODE.interrupted);
  });

  it('shows what came of a run', async () => {
    const { command, url, folder } = await serving(['run', ...smallArguments('decode', SHORT)], await freePort());
    const live = await look(url);
    const { page, context } = live;
    await stageIs(page, 'Ended well');
    const report = reportOf(folder);
    expect(report.digest).to.equal((await runLocally(small('decode', SHORT))).digest);
    const sentence = await page.locator('#sentence').innerText();
    expect(report.finding).to.satisfy((finding: string) => finding.startsWith(`${sentence} `), sentence);
    expect(sentence).to.match(/\w\.$/);
    expect(await page.locator('#outputs').innerText()).to.include(report.digest);
    expect((await linesOf(page)).at(-1)).to.include('the run has ended');
    const throughput = page.locator('.tile', { hasText: 'Throughput per GPU' }).locator('.value');
    const perGpu = Math.round(report.throughput!.tokensPerSecondPerGpu).toLocaleString('en');
    expect(await throughput.innerText()).to.equal(`${perGpu} tokens/s`);

    // The report, a download, a rank's own trace.
    await page.getByRole('option').nth(1).click();
    const [tab] = await Promise.all([
      context.waitForEvent('page'),
      page.getByRole('link', { name: 'Open the report' }).click(),
    ]);
    await tab.waitForLoadState();
    expect(await tab.title()).to.match(/^decode: 16 ranks/);
    await tab.close();
    for (const name of ['trace.json.gz', 'report.json', 'ranks/rank-00001.json.gz']) {
      const [download] = await Promise.all([
        page.waitForEvent('download'),
        page.getByRole('link', { name, exact: true }).click(),
      ]);
      expect(download.suggestedFilename()).to.match(/^\d{8}-\d{6}-decode-[0-9a-f]{6}-/);
      expect(readFileSync(await download.path()).equals(readFileSync(join(folder, name))), name).to.equal(true);
    }
    expectQuiet(live, url);

    command.kill('SIGINT');
    const { code, stderr } = await command.end;
    expect(code, stderr).to.equal(0);
    expect(stderr).to.match(
      /report, traces and downloads are served at http:\/\/127\.0\.0\.1:\d+\/ \(Ctrl-C ends it\)/,
    );
  });

  it('hands the trace to Perfetto in the browser, to its window alone', async () => {
    const args = ['run', ...smallArguments('decode', { layers: 2, payload: 'none' })];
    const { url, folder } = await serving(args, await freePort());
    const live = await look(url);
    await stageIs(live.page, 'Ended well');
    const before = live.requests.length;
    const [viewer] = await Promise.all([
      live.context.waitForEvent('page'),
      live.page.getByRole('button', { name: 'Open in Perfetto' }).click(),
    ]);
    await viewer.waitForFunction('window.kept !== undefined');
    const kept = await viewer.evaluate<KeptTrace>('window.kept');
    const trace = readFileSync(join(folder, 'trace.json.gz'));
    expect(kept.bytes).to.equal(trace.byteLength);
    expect(kept.sha256).to.equal(createHash('sha256').update(trace).digest('hex'));
    expect(kept.taken).to.have.length(1);
    expect(kept.taken[0].title).to.match(/^decode \d{8}-\d{6}-decode-[0-9a-f]{6}$/);
    expect(kept.taken[0].origin).to.equal(new URL(url).origin);
    await until(live.page, "document.getElementById('perfetto-status').textContent.includes('was handed to Perfetto')");
    expect(new Set(live.requests.slice(before))).to.deep.equal(new Set([`${PERFETTO}/`, `${url}files/trace.json.gz`]));
    expect(live.messages).to.deep.equal([]);
  });

  it('shows a run of one process over the memory fabric', async () => {
    const { url, folder } = await serving(['run', ...smallArguments('train', { layers: 6 })], await freePort());
    const live = await look(url);
    await stageIs(live.page, 'Ended well');
    expect(await live.page.locator('.rank.finished').count()).to.equal(16);
    expect(Number(await live.page.locator('#timeline').getAttribute('data-pieces'))).to.equal(20);
    expect(reportOf(folder).digest).to.equal((await runLocally(small('train', { layers: 6 }))).digest);
    expectQuiet(live, url);
  });

  it('shows who joins a coordinator, who is refused, and how to start a worker, without the token', async () => {
    const args = ['coordinator', ...smallArguments('decode', { ranks: 8, layers: 2 }), '--port', '0'];
    const { command, url, folder } = await serving(args, await freePort(), ENVIRONMENT);
    const [, address] = await command.stderrMatch(/listens at (ws:\S+)/);
    const live = await look(url);
    const { page } = live;
    await stageIs(page, 'Workers join');
    const command8 = `EPEMU_TOKEN=… epemu worker --coordinator ${address} --slots 8`;
    await until(page, `document.getElementById('join-command').textContent === '${command8}'`);
    const refused = await runCli(['worker', '--coordinator', address], { EPEMU_TOKEN: 'wrong' });
    expect(refused.code).to.equal(1);
    await until(
      page,
      "document.getElementById('joining').textContent.includes('its token is not the one of this run')",
    );
    const work = (slots: number): Promise<unknown> =>
      runCli(['worker', '--coordinator', address, '--slots', String(slots)], ENVIRONMENT);
    const first = work(3);
    await until(
      page,
      "document.getElementById('sentence').textContent.startsWith('1 worker with 3 slots of 8 joined')",
    );
    expect(await page.locator('#join-command').innerText()).to.match(/--slots 5$/);
    await Promise.all([first, work(5)]);
    await stageIs(page, 'Ended well');
    expect(await page.locator('#workers tbody tr').count()).to.equal(2);
    expect(await page.content()).not.to.include(TOKEN);
    expect(reportOf(folder).digest).to.equal((await runLocally(small('decode', { ranks: 8, layers: 2 }))).digest);
    expectQuiet(live, url);
  });

  it('shows a failed run as failed, with its cause and the ranks that were lost', async () => {
    const { id } = operationsOfLayerOne('decode')[5];
    const faults = `faults=${JSON.stringify([{ rank: VICTIM, operation: id, kind: 'kill' }])}`;
    const changes = { ranks: 2, layers: 3, ranksPerWorker: 1, fabric: 'websocket', payload: 'none' };
    const args = ['run', ...smallArguments('decode', changes), '--set', faults];
    const { command, url, folder } = await serving(args, await freePort());
    const live = await look(url);
    await stageIs(live.page, 'Failed');
    const { error } = reportOf(folder);
    expect(error).to.match(/rank 1 .* was killed by SIGKILL/);
    expect(await live.page.locator('#sentence').innerText()).to.equal(error);
    expect(await live.page.locator(`[aria-label^="rank ${VICTIM},"]`).getAttribute('class')).to.include('lost');
    expect(await live.page.locator('.rank.finished').count()).to.equal(0);
    expect(await live.page.locator('#outputs').innerText()).to.include('none: ranks are missing');
    expect((await linesOf(live.page)).filter((line) => /error/.test(line)).length).to.be.at.least(2);
    expectQuiet(live, url);
    command.kill('SIGTERM');
    expect((await command.end).code).to.equal(3);
  });

  it('says that the connection is lost, connects again by itself, and starts over with another run', async () => {
    const port = await freePort();
    const first = await serving(['run', ...smallArguments('decode', UNDER_WAY)], port);
    const { page } = await look(first.url);
    await stageIs(page, 'Running');
    await page.getByRole('option').nth(9).click();
    first.command.kill('SIGKILL');
    await until(page, "document.getElementById('connection').textContent === 'connection lost; connecting again'");
    expect(await page.locator('main.stale').count()).to.equal(1);
    await first.command.end;
    await serving(['run', ...smallArguments('train', { ranks: 8, layers: 2 })], port);
    await until(page, "document.getElementById('title').textContent === 'train, 8 ranks'");
    expect(await page.locator('main.stale').count()).to.equal(0);
    expect(await page.locator('#connection').innerText()).to.equal('live');
    await until(page, "document.getElementById('timeline').dataset.rank === '0'");
    await stageIs(page, 'Ended well');
    expect(await page.getByRole('option').count()).to.equal(8);
    expect((await linesOf(page)).filter((line) => line.includes('begins'))).to.have.length(1);
  });

  it('shows hostile names of scenarios, hosts and refusals as text', async () => {
    const hostile = '<img src=x onerror="alert(1)">';
    const scenario = join(temporary.path, 'hostile.json');
    const configuration = { ...small('decode', { ranks: 8, layers: 2 }), scenario: hostile };
    writeFileSync(scenario, JSON.stringify(configuration));
    const { command, url } = await serving(['coordinator', scenario, '--port', '0'], await freePort(), ENVIRONMENT);
    const [, address] = await command.stderrMatch(/listens at (ws:\S+)/);
    const live = await look(url);
    const { page } = live;
    const socket = new WebSocket(address);
    const hello = { type: 'hello', protocolVersion: 5, token: TOKEN, pid: 1, host: hostile, machine: 'm', slots: 1 };
    await new Promise<void>((resolve, reject) => {
      socket.once('error', reject);
      socket.once('open', () => {
        socket.send(Buffer.concat([Buffer.from([0]), new Packr({ useRecords: false }).pack(hello)]));
        resolve();
      });
    });
    await until(page, "document.getElementById('log').textContent.includes('joined with 1 slot')");
    expect(await page.title()).to.include(hostile);
    expect(await page.locator('h1').innerText()).to.equal(`${hostile}, 8 ranks`);
    expect((await linesOf(page)).at(-1)).to.include(`a worker on ${hostile} (pid 1) joined`);
    expect(await page.locator('img').count()).to.equal(0);
    socket.close();
    await until(page, "document.getElementById('log').textContent.includes('left before the run started')");
    expectQuiet(live, url);
  });

  it('is readable in light and dark: text has WCAG AA’s contrast', async () => {
    const { url } = await serving(['run', ...smallArguments('decode', { ranks: 8, layers: 2 })], await freePort());
    for (const colorScheme of ['light', 'dark'] as const) {
      const { page } = await look(url, { colorScheme });
      await stageIs(page, 'Ended well');
      const ratio = async (selector: string, ground = selector): Promise<number> =>
        contrast(await colourOf(page, selector, 'color'), await colourOf(page, ground, 'background-color'));
      for (const [selector, ground] of [
        ['#sentence', '#run-state'],
        ['#elapsed', '#run-state'],
        ['#ranks-note', 'section'],
        ['.node-label', 'section'],
        ['.tile .note', '.tile'],
        ['.subtitle', 'body'],
        ['#log time', 'section'],
        ['#outputs a', 'section'],
        ['#workers td', 'section'],
      ]) {
        expect(await ratio(selector, ground), `${colorScheme} ${selector}`).to.be.at.least(4.5);
      }
      for (let level = 0; level < 8; level++) {
        await page.evaluate(`document.querySelector('.rank').className = 'rank lag-${level}'`);
        expect(await ratio('.rank'), `${colorScheme} lag ${level}`).to.be.at.least(4.5);
      }
      await page.evaluate("document.querySelector('.rank').className = 'rank lag-3 lost'");
      expect(await ratio('.rank'), `${colorScheme} lost`).to.be.at.least(4.5);
    }
  });

  it('fits widths from 900 to 2000 pixels, and keeps its places from running to ended', async () => {
    const args = ['coordinator', ...smallArguments('decode', { ...SHORT, pace: 2 }), '--port', '0'];
    const { command, url } = await serving(args, await freePort(), ENVIRONMENT);
    const [, address] = await command.stderrMatch(/listens at (ws:\S+)/);
    const { page } = await look(url);
    await stageIs(page, 'Workers join');
    // The page notes by itself where things are while ranks run: no question comes too late.
    await page.evaluate(`
      window.placesOf = () => [...document.querySelectorAll('main section')].map((part) => part.getBoundingClientRect().top);
      window.placesOnceAllLag = undefined;
      new MutationObserver(() => {
        const running = document.getElementById('stage').textContent === 'Running';
        if (running && document.querySelectorAll('.rank[class*=lag-]').length === 16) window.placesOnceAllLag ??= placesOf();
      }).observe(document.body, { subtree: true, childList: true, characterData: true, attributes: true });
    `);
    const worker = await runCli(['worker', '--coordinator', address, '--slots', '16'], ENVIRONMENT);
    expect(worker.code, worker.stderr).to.equal(0);
    await stageIs(page, 'Ended well');
    expect(await page.evaluate('placesOf()')).to.deep.equal(await page.evaluate('placesOnceAllLag'));
    for (const width of [900, 1100, 1400, 2000]) {
      await page.setViewportSize({ width, height: 900 });
      const wide = await page.evaluate<number>('document.documentElement.scrollWidth');
      expect(wide, `${width} px`).to.be.at.most(width);
    }
  });
}

describe('the live page in a browser', () => {
  if (CHROMIUM === undefined) it.skip('is not tested here: no chromium is installed in /usr/bin');
  else livePageTests(CHROMIUM);
});
