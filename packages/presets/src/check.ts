import { BadInputError } from '@epemu/core';
import type * as z from 'zod';
import { at } from './place.js';
import type { Place } from './place.js';
import { remedyOf } from './remedy.js';

/** @returns the value at a path of keys, or undefined where the path ends early. */
function valueAt(json: unknown, path: readonly PropertyKey[]): unknown {
  let value = json;
  for (const key of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined;
    value = (value as Record<PropertyKey, unknown>)[key];
  }
  return value;
}

/** @returns a value for messages. JSON would make null of a number that is not finite, and lacks what leads to itself. */
export function shown(value: unknown): string {
  if (typeof value === 'number') return String(value);
  try {
    return JSON.stringify(value).slice(0, 80);
  } catch {
    return 'a value that contains itself';
  }
}

/**
 * Refuses a value of a preset.
 * @param remedy what is allowed there.
 * @throws BadInputError naming file, line, key, value and remedy; its `field` is the key.
 */
export function refuse(json: unknown, place: Place, path: readonly PropertyKey[], remedy: string): never {
  const key = path.join('.');
  const value = valueAt(json, path);
  const problem = value === undefined ? 'is missing' : `is ${shown(value)}`;
  throw new BadInputError(key, `in the preset ${at(place, path)}${key} ${problem}; ${remedy}`);
}

/**
 * Checks a preset against its schema.
 * @throws BadInputError naming file, line, key and what is wrong with its value; its `field` is the key.
 */
export function parsePreset<Schema extends z.ZodType>(schema: Schema, json: unknown, place: Place): z.output<Schema> {
  const parsed = schema.safeParse(json, { error: remedyOf });
  if (parsed.success) return parsed.data;
  // A misspelt key is told before the key that is missing because of it.
  const { issues } = parsed.error;
  const issue = issues.find(({ code }) => code === 'unrecognized_keys') ?? issues[0];
  if (issue.code === 'unrecognized_keys') {
    const path = [...issue.path, issue.keys[0]];
    const key = path.join('.');
    throw new BadInputError(key, `in the preset ${at(place, path)}${key} is unknown; remove it or correct its name`);
  }
  if (issue.path.length === 0) {
    throw new BadInputError(place.file, `the preset ${place.file} is not a mapping; give a JSON object`);
  }
  return refuse(json, place, issue.path, lowerFirst(issue.message));
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}
