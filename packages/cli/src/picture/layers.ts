import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { AnalysedSet, RankFigures } from '@epemu/analysis';
import { BadInputError } from '@epemu/core';
import { rankFileName } from '@epemu/outputs';
import { steadyLayer } from '@epemu/pages';
import type { LayerPicture } from '@epemu/pages';
import { wholeNumber } from '../whole-number.js';

const MOST_RANK = 65_535;
/** Pictures below each other that anyone could still look at. */
const MOST_PICTURES = 16;

/**
 * @param most ranks that there may be; by default as many as can be looked at.
 * @returns the ranks of `0-3,8`, ascending. @throws BadInputError where they are none, or too many.
 */
export function ranksOfText(text: string, most = MOST_PICTURES): number[] {
  const wrong = (): never => {
    throw new BadInputError('--ranks', `--ranks is ${text}, but it must be ranks such as 0, 0-3 or 0-3,8`);
  };
  const ranks = text.split(',').flatMap((part) => {
    const bounds = /^(\d+)(?:-(\d+))?$/.exec(part.trim()) ?? wrong();
    const first = wholeNumber('--ranks', bounds[1], 0, MOST_RANK);
    const last = wholeNumber('--ranks', bounds[2] ?? bounds[1], 0, MOST_RANK);
    if (last < first) wrong();
    return Array.from({ length: Math.min(last - first, most) + 1 }, (_, index) => first + index);
  });
  const own = [...new Set(ranks)].sort((a, b) => a - b);
  if (own.length <= most) return own;
  throw new BadInputError('--ranks', `--ranks is ${text}; there may be ${most} at most, so name fewer`);
}

/** @returns the files of a run's ranks, which are all that has to be read of it; undefined of anything else. */
export function rankFiles(path: string, ranks: readonly number[]): string[] | undefined {
  if (!existsSync(join(path, 'ranks')) || !existsSync(join(path, 'config.json'))) return undefined;
  return ranks.map((rank) => {
    const file = join(path, rankFileName(rank));
    if (existsSync(file)) return file;
    throw new BadInputError(
      '--ranks',
      `--ranks names rank ${rank}, of which the run in ${path} left no trace; name another`,
    );
  });
}

/** The place of a layer among those of a rank. */
function placeOf({ layers, view }: RankFigures, layer: number | undefined, path: string): number | undefined {
  if (layer === undefined) return undefined;
  const numbers = layers.map((each, index) => each.layer ?? index);
  const place = numbers.indexOf(layer);
  if (place >= 0) return place;
  const known =
    numbers.length === 0 ? 'no layer that can be told' : `layers ${Math.min(...numbers)} to ${Math.max(...numbers)}`;
  throw new BadInputError(
    '--layer',
    `--layer is ${layer}, but rank ${view.rank} of ${path} has ${known}; name one of them`,
  );
}

function ranksToDraw({ ranks }: AnalysedSet, wanted: readonly number[] | undefined, path: string): RankFigures[] {
  if (wanted === undefined) return ranks.slice(0, 1);
  return wanted.map((rank) => {
    const found = ranks.find(({ view }) => view.rank === rank);
    if (found !== undefined) return found;
    const known = ranks.map(({ view }) => view.rank);
    const shown = known.length <= 8 ? known.join(', ') : `${known[0]} to ${String(known.at(-1))}`;
    throw new BadInputError('--ranks', `--ranks names rank ${rank}, but ${path} has rank ${shown}; name one of them`);
  });
}

/** @returns a picture of one layer of each rank. @throws BadInputError where there is no such rank or layer, or nothing to draw. */
export function layerPictures(
  analysed: AnalysedSet,
  path: string,
  { ranks, layer }: { readonly ranks: readonly number[] | undefined; readonly layer: number | undefined },
): LayerPicture[] {
  const { worldSize } = analysed.analysis;
  return ranksToDraw(analysed, ranks, path).map((rank) => {
    const picture = steadyLayer(analysed, rank, placeOf(rank, layer, path));
    if (picture === null) {
      const problem = `${path} has no phases in a layer of rank ${rank.view.rank}, or too many to tell apart`;
      throw new BadInputError(path, `${problem}; name a run's folder, or a trace with annotated phases`);
    }
    const of = worldSize === null ? '' : `, ${worldSize} ${worldSize === 1 ? 'rank' : 'ranks'}`;
    return { ...picture, title: picture.title.replace(': layer', `${of}: layer`) };
  });
}
