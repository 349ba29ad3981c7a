import { isMapping } from '@epemu/core';
import type { Mapping } from '@epemu/core';

/** @returns a deep merge in which `over` is the stronger; arrays and scalars are replaced whole. */
export function merged(base: Mapping, over: Mapping): Mapping {
  const result: Mapping = { ...base };
  for (const [key, value] of Object.entries(over)) {
    const before = result[key];
    result[key] = isMapping(before) && isMapping(value) ? merged(before, value) : value;
  }
  return result;
}

/** @returns a mapping without some of its keys. */
export function without(mapping: Mapping, ...keys: readonly string[]): Mapping {
  return Object.fromEntries(Object.entries(mapping).filter(([key]) => !keys.includes(key)));
}
