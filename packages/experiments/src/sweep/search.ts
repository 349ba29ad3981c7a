import type { Axis, PointValues } from './axis.js';

/** Of each axis so many are tried first: its ends, and others evenly between them. */
const FIRST_VALUES = 4;

/** How good a point is: less is better; one that is not allowed is behind all that are. */
export interface Score {
  readonly allowed: boolean;
  readonly value: number;
}

/** @returns whether one score is better than another. */
export function isBetter(score: Score, than: Score): boolean {
  return score.allowed === than.allowed ? score.value < than.value : score.allowed;
}

function spread(count: number): number[] {
  const places = Math.min(count, FIRST_VALUES);
  const all = Array.from({ length: places }, (_, index) => Math.round((index * (count - 1)) / Math.max(1, places - 1)));
  return [...new Set(all)];
}

/** All places of a coarse grid. */
function grid(axes: readonly Axis[]): number[][] {
  return axes.reduce<number[][]>(
    (points, { values }) => points.flatMap((point) => spread(values.length).map((place) => [...point, place])),
    [[]],
  );
}

/**
 * Looks for the best point: on a coarse grid, then around the best found, along each axis and at once, with steps that
 * halve where nothing nearby is better. What has one valley along each axis is found; nothing is promised of what has more.
 *
 * @param scoreOf scores of points, emulated at once where they can be.
 * @param most points that are asked for; those of one turn may be a few more.
 * @returns places of the best on each axis.
 */
export async function search(
  axes: readonly Axis[],
  scoreOf: (points: readonly PointValues[]) => Promise<readonly Score[]>,
  most: number,
): Promise<readonly number[]> {
  const scores = new Map<string, Score>();
  const ask = async (all: readonly (readonly number[])[]): Promise<void> => {
    const fresh = [...new Map(all.map((places) => [places.join(), places])).values()].filter(
      (places) => !scores.has(places.join()),
    );
    const room = fresh.slice(0, Math.max(0, most - scores.size));
    const points = room.map((places) => places.map((place, index) => axes[index].values[place]));
    (await scoreOf(points)).forEach((score, index) => scores.set(room[index].join(), score));
  };
  const best = (): readonly number[] => {
    let found: [string, Score] | undefined;
    for (const entry of scores) if (found === undefined || isBetter(entry[1], found[1])) found = entry;
    return found![0].split(',').map(Number);
  };
  await ask(grid(axes));
  const steps = axes.map(({ values }) => Math.max(1, Math.floor((values.length - 1) / (2 * (FIRST_VALUES - 1)))));
  for (;;) {
    const at = best();
    const around = axes.flatMap(({ values }, index) =>
      [-steps[index], steps[index]]
        .map((step) => at[index] + step)
        .filter((place) => place >= 0 && place < values.length)
        .map((place) => at.map((own, other) => (other === index ? place : own))),
    );
    const before = scores.size;
    await ask(around);
    if (scores.size >= most) return best();
    if (best().join() !== at.join()) continue;
    if (scores.size === before && steps.every((step) => step === 1)) return at;
    steps.forEach((step, index) => (steps[index] = Math.max(1, step >> 1)));
  }
}
