import { basename, dirname } from 'node:path';
import { counted } from '@epemu/core';
import type { InputProblem } from '../model.js';
import type { RankSource } from './build-rank.js';

/** What tells replicas of an engine, or captures of one, apart by where their files are and what they are called. */
const KEYS: readonly ((file: string) => string)[] = [
  (file) => dirname(file),
  (file) =>
    /(?:^|[^a-z])((?:dp|engine|replica|instance|node)[-_ ]?(?:rank[-_ ]?)?\d+)/i.exec(basename(file))?.[1] ?? '',
  // What is left of a name without its rank: a host, a time, a step.
  (file) => basename(file).replace(/(?:rank|worker|tp|ep|pp)[-_ ]*\d+/gi, ''),
];

function groupsBy(sources: readonly RankSource[], keyOf: (file: string) => string): RankSource[][] {
  const groups = new Map<string, RankSource[]>();
  for (const source of sources) {
    const key = keyOf(source.file);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [source]);
    else group.push(source);
  }
  return [...groups.values()];
}

/** @returns whether groups are of the same ranks, each of them once: at least half of each are those of the first. */
function areReplicas([first, ...others]: readonly (readonly RankSource[])[]): boolean {
  if (others.length === 0) return false;
  const known = new Set(first.map(({ rank }) => rank));
  return [first, ...others].every((group) => {
    const ranks = new Set(group.map(({ rank }) => rank));
    return ranks.size === group.length && 2 * [...ranks].filter((rank) => known.has(rank)).length >= ranks.size;
  });
}

/**
 * Tells apart what says that it is the same ranks, for it is of several engines that serve side by side, or of several
 * captures: their ranks have nothing to do with each other, and a set of some of one and some of another would be none.
 *
 * @returns those of the first, and says what is left out; all where nothing tells them apart.
 */
export function firstReplica(sources: readonly RankSource[], problems: InputProblem[]): readonly RankSource[] {
  if (new Set(sources.map(({ rank }) => rank)).size === sources.length) return sources;
  for (const keyOf of KEYS) {
    const groups = groupsBy(sources, keyOf);
    if (!areReplicas(groups)) continue;
    const [first, ...others] = groups;
    for (const group of others) {
      const [{ file, rank }] = group;
      const twin = first.find((source) => source.rank === rank) ?? first[0];
      const what = `${file}${group.length > 1 ? ` and ${counted(group.length - 1, 'trace')} beside it` : ''}`;
      const says = `${group.length > 1 ? 'say' : 'says'} rank ${rank} as ${twin.file} does, which is of another engine or capture`;
      const message = `${what} ${says}; left out: analyse ${group.length > 1 ? 'them by themselves' : 'it by itself'}, for several engines have no collective in common`;
      problems.push({ file, message, partial: true });
    }
    return first;
  }
  return sources;
}
