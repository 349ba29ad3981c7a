import { isMapping } from '@epemu/core';
import type { Mapping } from '@epemu/core';
import { merged, without } from './merge.js';
import { wordsOfFile } from './own-words.js';
import type { Place } from './place.js';

/** Key of a model's sizes in messages, each of which has its own source. */
const BYTES = 'bytesPerToken';

/** @returns a derived model: the base's sizes, and over them what the file says itself; yet to be checked. */
export function derivedModel(json: Mapping, base: Mapping, place: Place): Mapping {
  const own = without(json, 'base');
  const { [BYTES]: bytes, ...others } = own;
  const set: Mapping = { ...others };
  for (const key of isMapping(bytes) ? Object.keys(bytes) : []) set[`${BYTES}.${key}`] = true;
  return merged(merged(without(base, 'description'), { sources: wordsOfFile(set, place).sources }), own);
}
