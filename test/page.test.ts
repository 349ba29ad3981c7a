import { expect } from 'chai';
import type { Browser } from 'playwright-core';
import { reportPage, type PageData } from '@epemu/pages';
import {
  CHROMIUM,
  colourOf,
  contrast,
  drawn,
  launchBrowser,
  openPage,
  pixelAt,
  until,
  variableColour,
  type Look,
  type OpenedPage,
} from './support/browser.js';
import { syntheticPage } from './support/synthetic-page.js';
import { TemporaryFolder } from './support/temporary.js';

const SMALL = syntheticPage({ ranks: 4, layers: 6 }, 50);
const TIMELINE = SMALL.timeline!;
/** Pixels below a row's top: the middle of its phases, of its kernels and of its exposed marks. */
const PHASE_Y = 7;
const KERNEL_Y = 22;
const MARK_Y = 34;

/** What the canvas says of itself. */
interface Shown {
  readonly startNs: number;
  readonly endNs: number;
  readonly rectangles: number;
  readonly plotLeft: number;
  readonly plotTop: number;
  readonly width: number;
  readonly height: number;
}

async function shown({ timeline }: OpenedPage): Promise<Shown> {
  const number = async (name: string): Promise<number> => Number(await timeline.getAttribute(`data-${name}`));
  const { width, height } = (await timeline.boundingBox())!;
  const [startNs, endNs, rectangles] = [await number('start-ns'), await number('end-ns'), await number('rectangles')];
  return {
    startNs,
    endNs,
    rectangles,
    plotLeft: await number('plot-left'),
    plotTop: await number('plot-top'),
    width,
    height,
  };
}

/** @returns the canvas's x of a time. */
async function xOf(opened: OpenedPage, ns: number): Promise<number> {
  const { startNs, endNs, plotLeft, width } = await shown(opened);
  return plotLeft + ((ns - startNs) / (endNs - startNs)) * (width - plotLeft);
}

/** Does something and waits until the timeline shows another stretch of time. */
async function moving(opened: OpenedPage, action: () => Promise<void>): Promise<Shown> {
  const { startNs, endNs } = await shown(opened);
  await action();
  const seen = "document.getElementById('timeline-canvas').dataset";
  await until(opened.page, `${seen}.startNs !== '${startNs}' || ${seen}.endNs !== '${endNs}'`);
  return shown(opened);
}

function pageTests(executablePath: string): void {
  const temporary = new TemporaryFolder();
  let browser: Browser;
  const pages: OpenedPage[] = [];

  before(async () => {
    browser = await launchBrowser(executablePath);
  });
  after(async () => {
    await browser.close();
    temporary.remove();
  });
  afterEach(async () => {
    for (const { page, messages, requests } of pages.splice(0)) {
      expect(messages, 'console').to.deep.equal([]);
      expect(requests, 'requests').to.deep.equal([page.url()]);
      await page.close();
    }
  });

  async function open(data: PageData = SMALL, look: Look = {}): Promise<OpenedPage> {
    const opened = await openPage(browser, temporary.fresh(), reportPage(data), look);
    pages.push(opened);
    return opened;
  }

  it('shows the figures, shares of ranks, tables and layers that it was given', async () => {
    const { page } = await open();
    expect(await page.title()).to.equal('train, 4 ranks');
    const tiles = await page.locator('.tile').allInnerTexts();
    expect(
      tiles[0]
        .split('\n')
        .map((line) => line.trim())
        .filter(Boolean),
    ).to.deep.equal(['Step time', '129.01 ms', 'slowest rank 3']);
    expect(await page.locator('.warnings li').allInnerTexts()).to.deep.equal(SMALL.warnings);
    expect(await page.locator('.finding p').innerText()).to.equal(SMALL.finding);
    const columns = page.locator('.rank-chart').first().locator('.column');
    const titles = (await columns.all()).map((column) => column.getAttribute('title'));
    expect(await Promise.all(titles)).to.deep.equal(
      SMALL.ranks.map(({ rank, overlapPct }) => `rank ${rank}: ${overlapPct.toFixed(1)} %`),
    );
    const plot = (await page.locator('.rank-chart .columns').first().boundingBox())!;
    const bar = (await page.locator('.rank-chart .bar').first().boundingBox())!;
    expect(bar.height / plot.height).to.be.closeTo(SMALL.ranks[0].overlapPct / 100, 0.02);
    expect(await page.locator('#phases tbody tr').nth(3).locator('th, td').allInnerTexts()).to.deep.equal([
      `▲ ${SMALL.tables[0].rows[3].cells[0]}`,
      ...SMALL.tables[0].rows[3].cells.slice(1),
    ]);
    const boxes = await page.locator('.layer-box svg title').allTextContents();
    for (const { phase } of SMALL.layers.flatMap(({ rows }) => rows.flatMap((row) => row.boxes))) {
      expect(
        boxes.some((title) => title.includes(phase)),
        phase,
      ).to.equal(true);
    }
  });

  it('folds long tables and the configuration until asked', async () => {
    const { page } = await open();
    const last = page.locator('#rest-phases tr').last();
    expect(await last.isVisible()).to.equal(false);
    await page.getByRole('button', { name: /^Show all 50 rows/ }).click();
    expect(await last.isVisible()).to.equal(true);
    expect(await page.locator('#configuration').isVisible()).to.equal(false);
    await page.getByText('Show the resolved configuration').click();
    expect(JSON.parse(await page.locator('#configuration').innerText())).to.deep.equal(SMALL.configuration);
    await page.getByRole('button', { name: 'Copy' }).click();
    await until(page, "document.querySelector('[data-copy-status]').textContent !== ''");
  });

  it('names the kernel under the pointer, and keeps it when clicked', async () => {
    const opened = await open();
    const { page, timeline } = opened;
    const { kernels, names } = TIMELINE;
    const { plotTop } = await shown(opened);
    const middle = kernels.startNs[2] + kernels.durationNs[2] / 2;
    await timeline.hover({ position: { x: await xOf(opened, middle), y: plotTop + KERNEL_Y } });
    const tooltip = page.locator('#timeline-tooltip');
    const text = (await tooltip.innerText()).split(/\s*\n\s*/);
    expect(text[0]).to.equal(names[kernels.name[2]]);
    expect(text).to.include.members(['compute', names[kernels.phase[2]], 'rank 0', 'stream 7']);
    expect(text.at(-1)).to.equal(`${(kernels.durationNs[2] / 1000).toFixed(2)} µs`);
    await timeline.click({ position: { x: await xOf(opened, middle), y: plotTop + KERNEL_Y } });
    await page.mouse.move(2, 2);
    expect(await tooltip.isVisible()).to.equal(true);
    await timeline.press('Escape');
    expect(await tooltip.isVisible()).to.equal(false);
  });

  it('shows hostile names as text', async () => {
    const hostile = '</script><img src="x" onerror="alert(1)">&lt;';
    const page = { ...SMALL, title: hostile, timeline: { ...TIMELINE, names: TIMELINE.names.map(() => hostile) } };
    const opened = await open(page);
    expect(await opened.page.title()).to.equal(hostile);
    const middle = TIMELINE.kernels.startNs[0] + TIMELINE.kernels.durationNs[0] / 2;
    const { plotTop } = await shown(opened);
    await opened.timeline.hover({ position: { x: await xOf(opened, middle), y: plotTop + KERNEL_Y } });
    expect(await opened.page.locator('#timeline-tooltip strong').innerText()).to.equal(hostile);
    expect(await opened.page.locator('img').count()).to.equal(0);
  });

  it('draws kernels, phases and exposed marks in their colours, on fine screens too', async () => {
    for (const deviceScaleFactor of [1, 2]) {
      const opened = await open(SMALL, { deviceScaleFactor });
      const { page } = opened;
      const { plotTop } = await shown(opened);
      await page.uncheck('[data-show=path]');
      const { kernels, phases, exposed } = TIMELINE;
      const at = async (ns: number, y: number): Promise<unknown> =>
        pixelAt(page, '#timeline-canvas', await xOf(opened, ns), plotTop + y);
      await drawn(page);
      // Near a piece's right end there is no text on it.
      expect(await at(kernels.startNs[0] + kernels.durationNs[0] * 0.7, KERNEL_Y)).to.deep.equal(
        await variableColour(page, 'compute'),
      );
      expect(await at(phases.startNs[1] + phases.durationNs[1] * 0.95, PHASE_Y)).to.deep.equal(
        await variableColour(page, 'green'),
      );
      expect(exposed.track[0], 'the first exposed piece is on the second row').to.equal(1);
      const mark = (exposed.startNs[0] + exposed.endNs[0]) / 2;
      const secondRow = 41;
      expect(await at(mark, secondRow + MARK_Y)).to.deep.equal(await variableColour(page, 'exposed'));
      await page.uncheck('[data-show=exposed]');
      await drawn(page);
      expect(await at(mark, secondRow + MARK_Y)).not.to.deep.equal(await variableColour(page, 'exposed'));
    }
  });

  it('zooms and moves by keys, wheel, buttons, drag and double-click', async () => {
    const opened = await open();
    const { page, timeline } = opened;
    const whole = await shown(opened);
    expect([whole.startNs, whole.endNs]).to.deep.equal([0, TIMELINE.endNs]);
    await timeline.focus();
    const zoomed = await moving(opened, () => page.keyboard.press('+'));
    expect(zoomed.endNs - zoomed.startNs).to.be.closeTo(TIMELINE.endNs / 1.5, 2);
    const moved = await moving(opened, () => page.keyboard.press('ArrowRight'));
    expect(moved.startNs).to.be.above(zoomed.startNs);
    expect(moved.endNs - moved.startNs).to.be.closeTo(zoomed.endNs - zoomed.startNs, 2);
    const home = await moving(opened, () => page.keyboard.press('Home'));
    expect([home.startNs, home.endNs]).to.deep.equal([0, TIMELINE.endNs]);

    // At the pointer: what is under it stays under it.
    const ns = TIMELINE.endNs / 4;
    const x = await xOf(opened, ns);
    await timeline.hover({ position: { x, y: 100 } });
    await page.keyboard.down('Control');
    const wheeled = await moving(opened, () => page.mouse.wheel(0, -400));
    await page.keyboard.up('Control');
    expect(wheeled.endNs - wheeled.startNs).to.be.below(TIMELINE.endNs / 2);
    expect(await xOf(opened, ns)).to.be.closeTo(x, 1);
    await page.keyboard.down('Shift');
    const panned = await moving(opened, () => page.mouse.wheel(0, 50));
    await page.keyboard.up('Shift');
    expect(panned.startNs).to.be.above(wheeled.startNs);
    const box = (await timeline.boundingBox())!;
    await page.mouse.down();
    const dragged = await moving(opened, () => page.mouse.move(box.x + x - 100, box.y + 100));
    await page.mouse.up();
    expect(dragged.startNs).to.be.above(panned.startNs);
    await moving(opened, () => page.getByRole('button', { name: 'Fit' }).click());

    const { kernels } = TIMELINE;
    const middle = kernels.startNs[5] + kernels.durationNs[5] / 2;
    const position = { x: await xOf(opened, middle), y: whole.plotTop + KERNEL_Y };
    const close = await moving(opened, () => timeline.dblclick({ position }));
    expect(close.startNs).to.equal(kernels.startNs[5] - 2 * kernels.durationNs[5]);
    expect(close.endNs - close.startNs).to.equal(5 * kernels.durationNs[5]);
  });

  it('steps through exposed pieces, longest first, and says which it shows', async () => {
    const opened = await open();
    const { page, timeline } = opened;
    const { exposed, names } = TIMELINE;
    const lengths = exposed.startNs.map((start, i) => exposed.endNs[i] - start);
    const order = [...lengths.keys()].sort((a, b) => lengths[b] - lengths[a]);
    await timeline.focus();
    for (const [step, row] of order.slice(0, 2).entries()) {
      const { startNs, endNs } = await moving(opened, () => page.keyboard.press('n'));
      expect(startNs).to.be.at.most(exposed.startNs[row]);
      expect(endNs).to.be.at.least(exposed.endNs[row]);
      const text = await page.locator('#timeline-status').innerText();
      expect(text).to.include(`Exposed piece ${step + 1} of ${order.length} marked, longest first`);
      const length = (lengths[row] / 1000).toFixed(2);
      expect(text).to.include(
        `${length} µs of ${names[exposed.phase[row]]} on rank ${Math.floor(exposed.track[row] / 3)}, stream 20, at`,
      );
    }
    await moving(opened, () => page.keyboard.press('p'));
    expect(await page.locator('#timeline-status').innerText()).to.include('Exposed piece 1 of');
  });

  it('tells of slices by keys alone, along a row and from row to row', async () => {
    const opened = await open();
    const { page, timeline } = opened;
    const { kernels, names } = TIMELINE;
    await timeline.focus();
    const tooltip = page.locator('#timeline-tooltip');
    const titleAfter = async (key: string): Promise<string> => {
      await page.keyboard.press(key);
      return tooltip.locator('strong').innerText();
    };
    expect(await titleAfter('.')).to.equal(names[kernels.name[0]]);
    expect(await titleAfter('.')).to.equal(names[kernels.name[1]]);
    expect(await titleAfter('.')).to.equal(names[kernels.name[2]]);
    expect(await titleAfter(',')).to.equal(names[kernels.name[1]]);
    const said = await page.locator('#timeline-status').innerText();
    expect(said)
      .to.match(/: compute, .*, rank 0, stream 7, start .*, duration /)
      .and.to.include(names[kernels.name[1]]);
    await page.keyboard.press(']');
    expect(await page.locator('#timeline-status').innerText()).to.include('rank 0, stream 20');
    await page.keyboard.press('[');
    expect(await page.locator('#timeline-status').innerText()).to.equal(said);
    const zoomed = await moving(opened, () => page.keyboard.press('Enter'));
    expect(zoomed.endNs - zoomed.startNs).to.equal(5 * kernels.durationNs[1]);
    await page.keyboard.press('Escape');
    expect(await tooltip.isVisible()).to.equal(false);
  });

  it('shows its keys when asked, and reaches the timeline with Tab', async () => {
    const { page } = await open();
    await page.getByRole('button', { name: 'Keys (?)' }).focus();
    await page.keyboard.press('Tab');
    expect(await page.locator('#timeline-canvas:focus-visible').count()).to.equal(1);
    await page.keyboard.press('?');
    expect(await page.locator('#timeline-keys').isVisible()).to.equal(true);
    await page.keyboard.press('?');
    expect(await page.locator('#timeline-keys').isVisible()).to.equal(false);
  });

  it('tells the bytes of a cell by pointer and by keys', async () => {
    const { page } = await open();
    const map = page.locator('#matrix-canvas');
    await map.hover({ position: { x: 34 + 2.5 * 56, y: 34 + 0.5 * 56 } });
    const gigabytes = (from: number, to: number): string =>
      `${(SMALL.matrix!.bytes[from * 4 + to] / 1e9).toFixed(2)} GB`;
    expect(await page.locator('#matrix-cell').innerText()).to.equal(`rank 0 → rank 2: ${gigabytes(0, 2)}`);
    await map.press('ArrowDown');
    expect(await page.locator('#matrix-cell').innerText()).to.equal(`rank 1 → rank 2: ${gigabytes(1, 2)}`);
  });

  it('follows the system into dark colours and back by the button, legible in both', async () => {
    const opened = await open(SMALL, { colorScheme: 'dark' });
    const { page } = opened;
    const seen: number[][] = [];
    for (const button of ['Light colours', 'Dark colours']) {
      const background = await colourOf(page, 'body', 'background-color');
      seen.push([...background]);
      expect(await pixelAt(page, '#timeline-canvas', 2, 60)).to.deep.equal(await variableColour(page, 'surface'));
      for (const selector of [
        'h1',
        '.subtitle',
        '.tile dt',
        '.finding p',
        '.warnings li',
        'td.rises',
        'td.falls',
        '.flagged th',
      ]) {
        const under =
          selector.startsWith('h1') || selector === '.subtitle' ? background : await variableColour(page, 'surface');
        expect(contrast(await colourOf(page, selector, 'color'), under), selector).to.be.at.least(4.5);
      }
      const ink = await variableColour(page, 'ink');
      for (const fill of [
        'compute',
        'communication',
        'memory',
        'orange',
        'green',
        'violet',
        'neutral',
        'flagged',
        'warning',
        'finding',
      ])
        expect(contrast(ink, await variableColour(page, fill)), fill).to.be.at.least(4.5);
      await page.getByRole('button', { name: button }).click();
      await drawn(page);
    }
    expect(contrast(seen[0], [0, 0, 0])).to.be.below(2);
    expect(contrast(seen[1], [255, 255, 255])).to.be.below(2);
  });

  it('draws by pixels, not by pieces: 260 000 pieces on 128 ranks', async () => {
    const opened = await open(syntheticPage({ ranks: 128, layers: 58 }));
    const { page, timeline } = opened;
    const { phases, kernels, tracks } = syntheticPage({ ranks: 128, layers: 58 }).timeline!;
    expect(phases.track.length + kernels.track.length).to.be.above(250_000);
    const whole = await shown(opened);
    const content = await page.evaluate<number>("document.getElementById('timeline-content').offsetHeight");
    const rows = Math.ceil((whole.height / content) * tracks.length) + 3;
    const bound = rows * 2 * 2 * whole.width;
    expect(whole.rectangles).to.be.within(rows * 10, bound);
    await timeline.focus();
    for (let step = 0; step < 8; step++)
      expect((await moving(opened, () => page.keyboard.press('+'))).rectangles).to.be.within(1, bound);
    await moving(opened, () => page.keyboard.press('Home'));
    await page.check('[data-show=flows]');
    await until(page, "document.getElementById('timeline-range').textContent.includes('last arrivals drawn')");
    // The last rank's rows are reached by scrolling.
    await page.evaluate("document.getElementById('timeline-rows').scrollTop = 1e9");
    const last = phases.track.length - 1;
    const x = await xOf(opened, phases.startNs[last] + phases.durationNs[last] / 2);
    await timeline.hover({ position: { x, y: whole.height - 16 } });
    const text = await page.locator('#timeline-tooltip').innerText();
    expect(text).to.include('rank 127').and.to.include('network');
  });
}

describe('report page in a browser', () => {
  if (CHROMIUM === undefined) it.skip('is not tested here: no chromium is installed in /usr/bin');
  else pageTests(CHROMIUM);
});
