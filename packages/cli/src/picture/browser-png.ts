import { execFile } from 'node:child_process';
import { copyFileSync, existsSync, mkdtempSync, openSync, readSync, closeSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { findCommand } from '@epemu/cluster';
import { BadInputError, EpemuError } from '@epemu/core';

const COMMANDS = [
  ...['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable', 'chrome', 'microsoft-edge'],
  'brave-browser',
];
const PATHS = [
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
];
const TIMEOUT_MS = 60_000;

/** A picture to be drawn as pixels. */
export interface DrawnSvg {
  readonly svg: string;
  /** In CSS pixels. */
  readonly width: number;
  readonly height: number;
}

/** Thrown where a browser that is there did not draw the picture. */
class NotDrawnError extends EpemuError {}

/** @returns a browser of the Chromium family. @throws BadInputError where there is none, saying what to do instead. */
export function findBrowser(environment: Readonly<Record<string, string | undefined>> = process.env): string {
  const own = environment['EPEMU_BROWSER'];
  if (own !== undefined && own !== '') {
    if (existsSync(own)) return own;
    throw new BadInputError(
      'EPEMU_BROWSER',
      `EPEMU_BROWSER is ${own}, which is not there; give the path of a Chromium or Chrome`,
    );
  }
  const found = COMMANDS.flatMap((name) => findCommand(name) ?? [])[0] ?? PATHS.find((path) => existsSync(path));
  if (found !== undefined) return found;
  const remedy = 'install Chromium or Chrome, set EPEMU_BROWSER to one, or name an .svg file, which needs none';
  throw new BadInputError('--out', `--out is a PNG, which a browser draws, but none was found; ${remedy}`);
}

/** Width and height of a PNG stand behind its signature and the head of its first chunk. */
function sizeOf(path: string): { width: number; height: number } {
  const head = Buffer.alloc(24);
  const file = openSync(path, 'r');
  try {
    readSync(file, head, 0, head.length, 0);
  } finally {
    closeSync(file);
  }
  return { width: head.readUInt32BE(16), height: head.readUInt32BE(20) };
}

/** Runs the browser. @returns what it complained of, empty for nothing. */
async function run(browser: string, args: readonly string[]): Promise<string> {
  return new Promise((resolve) => {
    execFile(browser, args, { timeout: TIMEOUT_MS, windowsHide: true }, (error, _, stderr) => {
      resolve(error === null ? '' : (stderr.trim().split('\n').at(-1) ?? error.message));
    });
  });
}

/**
 * Draws an SVG as a PNG file by a browser without a window.
 * @param scale pixels of the file for one of the picture.
 * @throws NotDrawnError where the browser leaves no file of that size.
 */
export async function writePng(
  browser: string,
  { svg, width, height }: DrawnSvg,
  path: string,
  scale: number,
): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'epemu-picture-'));
  try {
    const [source, made] = [join(folder, 'picture.svg'), join(folder, 'picture.png')];
    writeFileSync(source, svg);
    const complaint = await run(browser, [
      ...[
        '--headless',
        '--disable-gpu',
        '--hide-scrollbars',
        '--no-first-run',
        `--user-data-dir=${join(folder, 'profile')}`,
      ],
      // Chromium has no sandbox for root; what it draws here is our own.
      ...(process.getuid?.() === 0 ? ['--no-sandbox'] : []),
      ...[`--force-device-scale-factor=${scale}`, `--window-size=${width},${height}`, `--screenshot=${made}`],
      pathToFileURL(source).href,
    ]);
    if (!existsSync(made)) {
      throw new NotDrawnError(
        `${browser} drew no picture (${complaint}); name an .svg file, or set EPEMU_BROWSER to another`,
      );
    }
    const size = sizeOf(made);
    if (size.width !== Math.round(width * scale) || size.height !== Math.round(height * scale)) {
      const drawn = `${size.width} × ${size.height} pixels instead of ${width * scale} × ${height * scale}`;
      throw new NotDrawnError(`${browser} drew ${drawn}; name an .svg file, or set EPEMU_BROWSER to another`);
    }
    copyFileSync(made, path);
  } finally {
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  }
}
