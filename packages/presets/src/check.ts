import { BadInputError } from '@epemu/core';
import type { z } from 'zod';

/** @returns the value at a path of keys, or undefined where the path ends early. */
function valueAt(json: unknown, path: readonly PropertyKey[]): unknown {
  let value = json;
  for (const key of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined;
    value = (value as Record<PropertyKey, unknown>)[key];
  }
  return value;
}

/**
 * Checks a preset against its schema.
 * @param file where it comes from, for messages: a path, or `hardware` of a configuration.
 * @throws BadInputError naming file, key and what is wrong with its value; its `field` is the key.
 */
export function parsePreset<Schema extends z.ZodType>(schema: Schema, json: unknown, file: string): z.output<Schema> {
  const parsed = schema.safeParse(json);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  if (issue.code === 'unrecognized_keys') {
    const key = [...issue.path, issue.keys[0]].join('.');
    throw new BadInputError(key, `the preset ${file} has the unknown key ${key}; remove it or correct its name`);
  }
  const key = issue.path.join('.');
  if (key === '') throw new BadInputError(file, `the preset ${file} is not a mapping; give a JSON object`);
  const value = valueAt(json, issue.path);
  const problem = value === undefined ? 'is missing' : `is ${JSON.stringify(value).slice(0, 80)}`;
  throw new BadInputError(key, `in the preset ${file}, ${key} ${problem}; ${lowerFirst(issue.message)}`);
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}
