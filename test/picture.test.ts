import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { EXIT_CODE } from '@epemu/core';
import { expect } from 'chai';
import { CHROMIUM, launchBrowser } from './support/browser.js';
import { PROJECT } from './support/commands.js';
import { runCli } from './support/run-cli.js';
import { TemporaryFolder } from './support/temporary.js';

const SMALL = ['--ranks', '4', '--tokens-per-microbatch', '16', '--fabric', 'memory', '--payload', 'none'];

/** @returns boxes of an SVG by their titles. */
const boxes = (svg: string): string[] =>
  [...svg.matchAll(/<g class="box"[^>]*><title>([^<]*)</g)].map(([, title]) => title);

describe('epemu picture', () => {
  const temporary = new TemporaryFolder();
  const run = join(temporary.path, 'run');
  const file = (name: string): string => join(temporary.path, name);

  before(async () => {
    const { code, stderr } = await runCli(['run', 'decode', ...SMALL, '--out', run]);
    expect(code, stderr).to.equal(0);
  });
  after(() => {
    temporary.remove();
  });

  async function svgOf(name: string, ...args: string[]): Promise<string> {
    const { code, stdout, stderr } = await runCli(['picture', ...args, '--out', file(name)]);
    expect([code, stdout, stderr]).to.deep.equal([0, '', `wrote ${file(name)}\n`]);
    return readFileSync(file(name), 'utf8');
  }

  it('draws the steady layer of the first rank, with nothing that only a browser or this page knows', async () => {
    const svg = await svgOf('layer.svg', run);
    expect(svg)
      .to.include('decode, 4 ranks: layer 1 of rank 0')
      .and.not.match(/var\(|<style|url\(|href|@import/);
    expect(boxes(svg).some((title) => title.startsWith('MLP(0)'))).to.equal(true);
  });

  it('draws the layer and the ranks that are asked for, below each other', async () => {
    const svg = await svgOf('some.svg', run, '--layer', '2', '--ranks', '0-1,3');
    const titles = [...svg.matchAll(/<title>(decode, 4 ranks: [^<·]*)·[^<;]*<\/title>/g)].map(([, title]) =>
      title.trim(),
    );
    expect(titles).to.deep.equal([0, 1, 3].map((rank) => `decode, 4 ranks: layer 2 of rank ${rank}`));
  });

  it('draws the same boxes of a rank’s trace and of the merged one', async () => {
    const whole = boxes(await svgOf('run.svg', run, '--ranks', '2'));
    expect(boxes(await svgOf('rank.svg', join(run, 'ranks', 'rank-00002.json.gz')))).to.deep.equal(whole);
    expect(boxes(await svgOf('merged.svg', join(run, 'trace.json.gz'), '--ranks', '2'))).to.deep.equal(whole);
  });

  const REFUSED: readonly (readonly [args: readonly string[], words: string])[] = [
    [['--layer', '9'], '--layer is 9, but rank 0 of'],
    [['--layer', 'two'], '--layer is two'],
    [['--ranks', '4'], '--ranks names rank 4'],
    [['--ranks', '3-1'], '--ranks is 3-1'],
    [['--ranks', '0-99'], 'there may be 16 at most'],
    [['--theme', 'sepia'], '--theme is sepia; give one of light, dark, auto'],
    [['--scale', '0'], '--scale is 0'],
    [['--out', 'layer.gif'], '--out is layer.gif'],
    [['--out', join('nowhere', 'layer.svg')], 'cannot be written'],
    [['--theme', 'auto', '--out', 'layer.png'], '--theme is auto, but a PNG'],
  ];
  for (const [args, words] of REFUSED) {
    it(`${args.join(' ')} is refused in one sentence`, async () => {
      const out = args.includes('--out') ? [] : ['--out', file('never.svg')];
      const { code, stdout, stderr } = await runCli(['picture', run, ...args, ...out]);
      expect([code, stdout]).to.deep.equal([EXIT_CODE.badInput, '']);
      expect(stderr)
        .to.match(/^epemu: [^\n]+\n$/)
        .and.include(words);
      expect(existsSync(file('never.svg'))).to.equal(false);
    });
  }

  it('says what to do where there is no browser for a PNG', async () => {
    const args = ['picture', run, '--out', file('never.png')];
    const { code, stderr } = await runCli(args, { EPEMU_BROWSER: '/nowhere/chrome' });
    expect([code, stderr.includes('EPEMU_BROWSER is /nowhere/chrome')]).to.deep.equal([EXIT_CODE.badInput, true]);
    expect(existsSync(file('never.png'))).to.equal(false);
  });

  it('is what README shows', () => {
    const readme = readFileSync(join(PROJECT, 'README.md'), 'utf8');
    expect(readme).to.include('npx epemu picture runs/picture --theme auto --out docs/images/decode-timeline.svg');
    const svg = readFileSync(join(PROJECT, 'docs', 'images', 'decode-timeline.svg'), 'utf8');
    expect(svg).to.include('decode, 128 ranks: layer 1 of rank 0').and.not.include('var(');
  });

  describe('in a browser', () => {
    before(function () {
      if (CHROMIUM === undefined) this.skip();
    });

    it('draws a PNG of the picture’s size', async () => {
      const { code, stderr } = await runCli([
        'picture',
        run,
        '--theme',
        'dark',
        '--scale',
        '1',
        '--out',
        file('layer.png'),
      ]);
      expect(code, stderr).to.equal(0);
      const png = readFileSync(file('layer.png'));
      expect([png.toString('latin1', 1, 4), png.readUInt32BE(16)]).to.deep.equal(['PNG', 1120]);
      const height = Number(/height="(\d+)"/.exec(readFileSync(file('layer.svg'), 'utf8'))![1]);
      expect(png.readUInt32BE(20)).to.equal(height);
    });

    it('saves the report’s picture in the page’s colours, as a file of its own', async () => {
      const browser = await launchBrowser(CHROMIUM!);
      try {
        const page = await browser.newPage({ colorScheme: 'dark' });
        await page.goto(pathToFileURL(join(run, 'report.html')).href);
        const [download] = await Promise.all([page.waitForEvent('download'), page.getByText('Save as SVG').click()]);
        expect(download.suggestedFilename()).to.match(/^decode-.*layer-1-of-rank-0\.svg$/);
        await download.saveAs(file('saved.svg'));
        const saved = readFileSync(file('saved.svg'), 'utf8');
        expect(saved)
          .to.match(/^<svg [^>]*xmlns="http:\/\/www.w3.org\/2000\/svg"/)
          .and.not.include('var(');
        expect(boxes(saved)).to.deep.equal(boxes(readFileSync(file('layer.svg'), 'utf8')));
        // It is XML by itself: a browser opens it.
        await page.goto(pathToFileURL(file('saved.svg')).href);
        expect(await page.locator('svg rect').first().getAttribute('fill')).to.match(/^rgb\(/);
      } finally {
        await browser.close();
      }
    });
  });
});
