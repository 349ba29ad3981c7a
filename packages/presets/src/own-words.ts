import type { Mapping } from '@epemu/core';
import type { Place } from './place.js';

/** Keys whose sources stand within them, or that need none. */
const WITHOUT_WORDS: ReadonlySet<string> = new Set([
  ...['version', 'name', 'description', 'kernels', 'transfers', 'sources', 'bases'],
]);

/** @returns sources and bases of keys that a derived preset's file sets, for those it says no source of. */
export function wordsOfFile(own: Mapping, place: Place): { sources: Mapping; bases: Mapping } {
  const keys = Object.keys(own).filter((key) => !WITHOUT_WORDS.has(key));
  return {
    sources: Object.fromEntries(keys.map((key) => [key, `set in ${place.file}, which says no source`])),
    bases: Object.fromEntries(keys.map((key) => [key, 'assumed'])),
  };
}
