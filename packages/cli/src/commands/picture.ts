import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { BadInputError, messageOf, touchFile } from '@epemu/core';
import { THEMES, plainText, standaloneLayers } from '@epemu/pages';
import type { Theme } from '@epemu/pages';
import type { Command } from 'commander';
import { findBrowser, writePng } from '../picture/browser-png.js';
import { layerPictures, rankFiles, ranksOfText } from '../picture/layers.js';
import { wholeNumber } from '../whole-number.js';
import { addTraceFlags, analysedWith, tellProblems } from './analyze.js';
import type { TraceFlags } from './analyze.js';

interface PictureFlags extends TraceFlags {
  readonly layer?: string;
  readonly ranks?: string;
  readonly theme: string;
  readonly scale: string;
  readonly out: string;
}

function themeOf(text: string, isPng: boolean): Theme {
  const theme = THEMES.find((each) => each === text);
  if (theme === undefined) throw new BadInputError('--theme', `--theme is ${text}; give one of ${THEMES.join(', ')}`);
  if (isPng && theme === 'auto') {
    throw new BadInputError('--theme', '--theme is auto, but a PNG has the colours that it has; give light or dark');
  }
  return theme;
}

function kindOf(out: string): 'svg' | 'png' {
  if (/\.svg$/i.test(out)) return 'svg';
  if (/\.png$/i.test(out)) return 'png';
  throw new BadInputError(
    '--out',
    `--out is ${out}, whose name tells no kind of picture; let it end with .svg or .png`,
  );
}

function writing(out: string, act: () => void): void {
  try {
    act();
  } catch (cause) {
    const problem = `--out ${out} cannot be written: ${messageOf(cause)}`;
    throw new BadInputError('--out', `${problem}; name a file in a folder that exists and has room`, { cause });
  }
}

/** Finds out whether the file can be written before anything is read. @throws BadInputError */
function checkOut(out: string): void {
  const isNew = !existsSync(out);
  writing(out, () => {
    touchFile(out);
    if (isNew) rmSync(out);
  });
}

/** Adds `epemu picture`. */
export function addPictureCommand(program: Command): void {
  const command = program
    .command('picture')
    .description('draw one layer of a run or a trace, to scale, as an SVG or PNG file for slides and pages')
    .argument('<run>', "a run's folder, a trace, or a folder of traces")
    .requiredOption('--out <file>', 'where the picture goes: a file that ends with .svg, or with .png');
  addTraceFlags(command)
    .option('--layer <n>', 'the layer (default: the second, which is steady)')
    .option('--ranks <list>', 'ranks, one picture below the other: 0-3,8 (default: the first)')
    .option('--theme <kind>', "light, dark, or (SVG) auto: the reader's", 'light')
    .option('--scale <n>', 'pixels of a PNG for one of the picture, which is 1120 wide', '2')
    .addHelpText(
      'after',
      `
The file is self-contained: colours are written out and the font is generic, so that browsers, Inkscape and slides show the
same. A PNG is drawn by Chromium or Chrome, which must be there (EPEMU_BROWSER names one); an SVG needs nothing.
report.html has a button that saves its pictures.

Examples:
  epemu picture runs/20260102-030405-decode-a1b2c3 --out layer.svg
  epemu picture runs/a --layer 2 --ranks 0-3 --theme dark --out slide.png
  epemu picture captured.json.gz --theme auto --out docs/layer.svg`,
    )
    .action(async (path: string, flags: PictureFlags) => {
      const { out } = flags;
      const isPng = kindOf(out) === 'png';
      const theme = themeOf(flags.theme, isPng);
      const scale = wholeNumber('--scale', flags.scale, 1, 8);
      const ranks = flags.ranks === undefined ? undefined : ranksOfText(flags.ranks);
      const layer = flags.layer === undefined ? undefined : wholeNumber('--layer', flags.layer, 0, 1_000_000);
      const browser = isPng ? findBrowser() : undefined;
      checkOut(out);
      const files = rankFiles(path, ranks ?? [0]);
      const analysed = await analysedWith(files ?? [path], flags);
      const picture = standaloneLayers(layerPictures(analysed, path, { ranks, layer }), theme);
      if (browser !== undefined) await writePng(browser, picture, out, scale);
      else {
        writing(out, () => {
          writeFileSync(out, picture.svg);
        });
      }
      process.stderr.write(`wrote ${plainText(out)}\n`);
      // Of a run only the ranks that are drawn were read, which is no fault of it.
      const { problems } = analysed.analysis;
      tellProblems(files === undefined ? problems : problems.filter(({ partial }) => partial), 'analysis');
    });
}
