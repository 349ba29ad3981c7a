import { basename, dirname } from 'node:path';

/** How far apart the ranks of a kind are in a name, from the outermost kind to the innermost: `dp0_pp1_tp2`. */
const KINDS = ['dp', 'pp', 'pcp', 'cp', 'sp', 'dcp', 'tp', 'ep'] as const;
type Kind = (typeof KINDS)[number];
/** Kinds that may tell ranks by themselves, the likeliest first. */
const ALONE: readonly Kind[] = ['tp', 'ep', 'dp', 'pp', 'cp', 'sp', 'pcp', 'dcp'];

const PLACE = /(?:^|[^a-z])(dp|pp|pcp|cp|sp|dcp|tp|ep)(?:[-_ ]?rank)?[-_ ]?(\d{1,7})(?!\d)/gi;
const RANK = /(?:^|[^a-z])(?:global[-_ ]?)?(?:rank|worker)[-_ ]*(\d{1,7})(?!\d)/i;

/** @returns where a name says that its rank is, by kind of parallelism. */
function placesOf(name: string): Map<Kind, number> {
  return new Map([...name.matchAll(PLACE)].map(([, kind, number]) => [kind.toLowerCase() as Kind, Number(number)]));
}

/** @returns the numbers where all are there and none twice. */
function distinct(numbers: readonly (number | undefined)[]): number[] | undefined {
  const known = numbers.flatMap((number) => number ?? []);
  return known.length === numbers.length && new Set(known).size === known.length ? known : undefined;
}

/** @returns ranks by all places together: the outer kind counts in steps of all inner ones. */
function placedRanks(places: readonly Map<Kind, number>[], kinds: readonly Kind[]): (number | undefined)[] {
  const sizes = kinds.map((kind) => Math.max(...places.map((place) => place.get(kind) ?? 0)) + 1);
  return places.map((place) =>
    kinds.reduce<number | undefined>((rank, kind, index) => {
      const own = place.get(kind);
      return rank === undefined || own === undefined ? undefined : rank * sizes[index] + own;
    }, 0),
  );
}

function ranksOfNames(names: readonly string[]): number[] | undefined {
  const byRank = distinct(
    names
      .map((name) => RANK.exec(name)?.[1])
      .map((digits) => digits && Number(digits))
      .map((n) => (typeof n === 'number' ? n : undefined)),
  );
  const places = names.map(placesOf);
  const alone = ALONE.map((kind) => distinct(places.map((place) => place.get(kind)))).find(
    (ranks) => ranks !== undefined,
  );
  const used = KINDS.filter((kind) => places.some((place) => place.has(kind)));
  // Experts are on ranks that other kinds tell already, if any do.
  const without = used.filter((kind) => kind !== 'ep');
  const placed = (kinds: readonly Kind[]): number[] | undefined =>
    kinds.length === 0 ? undefined : distinct(placedRanks(places, kinds));
  return byRank ?? alone ?? placed(without) ?? placed(used);
}

/**
 * @returns the ranks that files say by their names (`rank3`, `worker3`, `TP-10`, `dp0_pp1_tp2`), or by those of their
 * folders; undefined where not all of them do, or two say the same.
 */
export function ranksByName(files: readonly string[]): number[] | undefined {
  const names = files.map((file) => basename(file));
  const folders = files.map((file) => basename(dirname(file)));
  return (
    ranksOfNames(names) ??
    ranksOfNames(folders) ??
    ranksOfNames(names.map((name, index) => `${folders[index]} ${name}`))
  );
}
