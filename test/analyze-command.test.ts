import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Analysis } from '@epemu/analysis';
import { expect } from 'chai';
import type { Browser } from 'playwright-core';
import { CHROMIUM, launchBrowser, openPage } from './support/browser.js';
import { runCli } from './support/run-cli.js';
import { TemporaryFolder } from './support/temporary.js';

const RUN = ['--ranks', '8', '--fabric', 'memory', '--payload', 'none', '--tokens-per-microbatch', '64'];

interface Report {
  readonly timeline: Analysis['timeline'];
  readonly steady: Analysis['timeline'];
  readonly phases: readonly { readonly name: string; readonly meanUs: number; readonly exposedUs: number }[];
}

describe('epemu analyze', () => {
  const temporary = new TemporaryFolder();
  const run = temporary.fresh('run');
  const rank = join(run, 'ranks', 'rank-00000.json.gz');
  let summary: string;
  let browser: Browser | undefined;

  before(async () => {
    const ended = await runCli(['run', 'decode', ...RUN, '--out', run]);
    expect(ended.code, ended.stderr).to.equal(0);
    summary = ended.stdout;
    if (CHROMIUM !== undefined) browser = await launchBrowser(CHROMIUM);
  });
  after(async () => {
    await browser?.close();
    temporary.remove();
  });

  async function analysis(...traces: string[]): Promise<Analysis> {
    const { stdout, stderr } = await runCli(['analyze', ...traces, '--json']);
    expect(stdout, stderr).not.to.equal('');
    return JSON.parse(stdout) as Analysis;
  }

  it('gives, from rank files and from the merged trace alike, the figures of the run’s own report', async () => {
    const report = JSON.parse(readFileSync(join(run, 'report.json'), 'utf8')) as Report;
    for (const traces of [run, join(run, 'trace.json.gz')]) {
      const { timeline, steady, phases, ranks } = await analysis(traces);
      expect(ranks).to.equal(8);
      expect(timeline).to.deep.equal(report.timeline);
      expect(steady).to.deep.equal(report.steady);
      expect(phases).to.deep.equal(report.phases);
    }
  });

  it('prints one layer, phases, causes and what would help, and no colour where none is asked for', async () => {
    const { stdout, stderr, code } = await runCli(['analyze', run]);
    expect([code, stderr]).to.deep.equal([0, '']);
    for (const words of [
      'computation',
      'Phases',
      'Exposed communication by cause',
      'What would help',
      'Critical path',
    ]) {
      expect(stdout).to.include(words);
    }
    expect(stdout).not.to.include('\u001b');
    expect(stdout.trimEnd().split('\n').at(-1)).to.match(
      /^The largest exposed piece of the (steady layers|whole) is .* on rank \d+ at /,
    );
  });

  it('and run draw the same layer', async () => {
    const { stdout } = await runCli(['analyze', run]);
    const layerOf = (text: string): string => /^decode: layer 1[^]*?^µs.*$/m.exec(text)?.[0] ?? '';
    expect(layerOf(stdout)).not.to.equal('');
    expect(layerOf(summary)).to.equal(layerOf(stdout));
  });

  it('keeps what a trace’s names hold from steering the terminal', async () => {
    const path = join(temporary.path, 'escape.json');
    const kernel = (name: string, ts: number): unknown => ({
      ...{ ph: 'X', cat: 'kernel', name, pid: 0, tid: 7, ts, dur: 5 },
      args: { stream: 7, correlation: ts },
    });
    writeFileSync(
      path,
      JSON.stringify({ traceEvents: [kernel('a\u001b[31mred', 1), kernel('deep_ep::internode::combine', 9)] }),
    );
    const { stdout, stderr } = await runCli(['analyze', path]);
    expect(stdout + stderr).not.to.include('\u001b');
  });

  it('analyses what it could read of a cut file, says so, and ends with 2', async () => {
    const path = join(temporary.path, 'cut.json.gz');
    const whole = readFileSync(rank);
    writeFileSync(path, whole.subarray(0, whole.length / 2));
    const { stdout, stderr, code } = await runCli(['analyze', path, '--json']);
    expect(code).to.equal(2);
    expect(stderr).to.match(/cut\.json\.gz cannot be read as a trace: .*near event \d+/);
    expect(stderr).to.include('this analysis is partial');
    const { partial, kernels, problems } = JSON.parse(stdout) as Analysis;
    expect(partial).to.equal(true);
    expect(kernels).to.be.greaterThan(10);
    expect(problems).to.have.length(1);
  });

  for (const [what, flags, words] of [
    ['a pattern that is none', ['--communication', '('], '--communication is (, which is no regular expression'],
    ['an unknown way to align', ['--align', 'twice'], '--align is twice; give auto, always or never'],
    ['a page in no folder', ['--html', '/nowhere/page.html'], '--html /nowhere/page.html cannot be written'],
    ['a folder that is a file', ['--csv', rank], 'which is a file; name a folder'],
    ['a page over a trace', ['--html', rank], 'holds something that is no page; name another file'],
  ] as const) {
    it(`refuses ${what} before it reads`, async () => {
      const before = readFileSync(rank);
      const { stdout, stderr, code } = await runCli(['analyze', rank, ...flags]);
      expect([code, stdout]).to.deep.equal([2, '']);
      expect(stderr.trimEnd().split('\n')).to.have.length(1);
      expect(stderr).to.include(words);
      expect(readFileSync(rank).equals(before)).to.equal(true);
    });
  }

  it('refuses one folder for two exports, and writes neither', async () => {
    const folder = join(temporary.path, 'both');
    const { code, stderr } = await runCli(['analyze', run, '--csv', folder, '--chakra', folder]);
    expect(code).to.equal(2);
    expect(stderr).to.include('which is the folder of --csv');
    expect(existsSync(folder) ? readdirSync(folder) : []).to.deep.equal([]);
  });

  const inBrowser = CHROMIUM === undefined ? it.skip : it;
  const skipped = CHROMIUM === undefined ? ' (skipped: no chromium on this machine)' : '';
  inBrowser(`writes the page that run writes, but for what only the run knows${skipped}`, async () => {
    const path = join(temporary.path, 'page.html');
    const { code, stderr } = await runCli(['analyze', run, '--html', path]);
    expect(code, stderr).to.equal(0);
    const texts: string[] = [];
    for (const html of [path, join(run, 'report.html')]) {
      const { page, messages, requests } = await openPage(browser!, temporary.fresh(), readFileSync(html, 'utf8'));
      expect(messages).to.deep.equal([]);
      expect(requests).to.deep.equal([page.url()]);
      expect(await page.locator('.layer-box svg').count()).to.equal(1);
      texts.push(await page.locator('#phases').innerText());
      const tiles = (await page.locator('.tile').allInnerTexts()).join('\n');
      expect(tiles).to.include('overlap').and.to.include('exposed communication');
      await page.close();
    }
    expect(texts[0]).to.equal(texts[1]);
    expect(texts[0]).to.include('DISPATCH(0)');
  });
});
