import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { chromium, type Browser, type Locator, type Page } from 'playwright-core';
import './machine.js';

const CANDIDATES = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];

/** Where a browser is on this machine; undefined for none. */
export const CHROMIUM = CANDIDATES.find((path) => existsSync(path));

/** @returns the browser, without a window. */
export async function launchBrowser(executablePath: string): Promise<Browser> {
  return chromium.launch({ executablePath, args: ['--no-sandbox'] });
}

/** A page in the browser, and what it should not have said or asked for. */
export interface OpenedPage {
  readonly page: Page;
  readonly timeline: Locator;
  /** Messages on the console and errors. */
  readonly messages: string[];
  /** Addresses asked for. */
  readonly requests: string[];
}

/** How a page is looked at. */
export interface Look {
  readonly colorScheme?: 'light' | 'dark';
  readonly deviceScaleFactor?: number;
}

/** Opens a document from a file in a new folder, and waits until its timeline is drawn. */
export async function openPage(browser: Browser, folder: string, html: string, look: Look = {}): Promise<OpenedPage> {
  const file = join(folder, 'page.html');
  mkdirSync(folder);
  writeFileSync(file, html);
  const page = await browser.newPage({ viewport: { width: 1400, height: 900 }, ...look });
  const messages: string[] = [];
  const requests: string[] = [];
  page.on('console', (message) => messages.push(message.text()));
  page.on('pageerror', ({ message }) => messages.push(message));
  page.on('request', (request) => requests.push(request.url()));
  await page.goto(pathToFileURL(file).href);
  const timeline = page.locator('#timeline-canvas');
  await page.waitForSelector('#timeline-canvas[data-start-ns]');
  return { page, timeline, messages, requests };
}

/** A colour's red, green and blue, 0 to 255. */
export type Colour = readonly number[];

/** Waits until an expression holds in the page; as its policy forbids to compile one there, it is looked at each frame. */
export async function until(page: Page, expression: string): Promise<void> {
  await page.evaluate(
    `new Promise((done) => { const look = () => { if (${expression}) done(); else requestAnimationFrame(look); }; look(); })`,
  );
}

/** Waits until what was asked for is drawn. */
export async function drawn(page: Page): Promise<void> {
  await page.evaluate('new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))');
}

/** @returns the colour of a canvas at a point in CSS pixels. */
export async function pixelAt(page: Page, canvas: string, x: number, y: number): Promise<Colour> {
  return page.evaluate<Colour>(`(() => {
    const scale = (at) => Math.round(at * devicePixelRatio);
    const probe = Object.assign(document.createElement('canvas'), { width: 1, height: 1 }).getContext('2d');
    probe.drawImage(document.querySelector(${JSON.stringify(canvas)}), scale(${x}), scale(${y}), 1, 1, 0, 0, 1, 1);
    return [...probe.getImageData(0, 0, 1, 1).data].slice(0, 3);
  })()`);
}

/** @returns a CSS property of an element as a colour. */
export async function colourOf(page: Page, selector: string, property: string): Promise<Colour> {
  const text = await page.evaluate<string>(
    `getComputedStyle(document.querySelector(${JSON.stringify(selector)})).getPropertyValue(${JSON.stringify(property)})`,
  );
  return [...text.matchAll(/\d+/g)].slice(0, 3).map(Number);
}

/** @returns a colour that the page names by a CSS variable, as it is now. */
export async function variableColour(page: Page, name: string): Promise<Colour> {
  const text = await page.evaluate<string>(`(() => {
    const probe = document.body.appendChild(document.createElement('i'));
    probe.style.color = 'var(--${name})';
    const { color } = getComputedStyle(probe);
    probe.remove();
    return color;
  })()`);
  return [...text.matchAll(/\d+/g)].slice(0, 3).map(Number);
}

function luminance(colour: Colour): number {
  const [red, green, blue] = colour.map((part) =>
    part <= 10 ? part / 255 / 12.92 : ((part / 255 + 0.055) / 1.055) ** 2.4,
  );
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

/** @returns the contrast of two colours as WCAG defines it, 1 to 21. */
export function contrast(one: Colour, other: Colour): number {
  const [dark, light] = [luminance(one), luminance(other)].sort((a, b) => a - b);
  return (light + 0.05) / (dark + 0.05);
}
