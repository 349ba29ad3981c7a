import { BadInputError } from '@epemu/core';
import type * as z from 'zod';

/** @returns the value at a path inside nested objects and arrays, undefined where there is none. */
export function valueAt(root: unknown, path: readonly PropertyKey[]): unknown {
  let value: unknown = root;
  for (const key of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined;
    value = (value as Record<PropertyKey, unknown>)[key];
  }
  return value;
}

/** @returns a value for messages. JSON would make null of a number that is not finite, and lacks what leads to itself. */
export function shown(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (typeof value === 'number') return String(value);
  let text: string;
  try {
    text = JSON.stringify(value);
  } catch {
    return 'a value that contains itself';
  }
  return text.length > 80 ? `${text.slice(0, 77)}...` : text;
}

function allowed(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case 'too_small':
      return `it must be ${issue.inclusive === false ? 'more than' : 'at least'} ${String(issue.minimum)}`;
    case 'too_big':
      return `it must be ${issue.inclusive === false ? 'less than' : 'at most'} ${String(issue.maximum)}`;
    case 'invalid_type':
      return `it must be ${issue.expected === 'int' ? 'a whole number' : `of type ${issue.expected}`}`;
    case 'invalid_value':
      return `it must be one of ${issue.values.map((value) => String(value)).join(', ')}`;
    default:
      return issue.message;
  }
}

/** @returns the candidate closest to a misspelt word, if any is close. */
export function closest(word: string, candidates: readonly string[]): string | undefined {
  const distance = (a: string, b: string): number => {
    let row = Array.from({ length: b.length + 1 }, (_, i) => i);
    for (let i = 1; i <= a.length; i++) {
      const next = [i];
      for (let j = 1; j <= b.length; j++) {
        const replaced = row[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1);
        next.push(Math.min(row[j] + 1, next[j - 1] + 1, replaced));
      }
      row = next;
    }
    return row[b.length];
  };
  const ranked = candidates
    .map((candidate) => ({ candidate, distance: distance(word.toLowerCase(), candidate.toLowerCase()) }))
    .sort((a, b) => a.distance - b.distance);
  return ranked[0] !== undefined && ranked[0].distance <= 3 ? ranked[0].candidate : undefined;
}

/**
 * Turns the first of zod's complaints into one sentence with field, value and what is allowed.
 * @param keysAt the keys that the mapping at a path may have.
 */
export function explainIssue(
  issue: z.core.$ZodIssue,
  input: unknown,
  keysAt: (path: readonly PropertyKey[]) => readonly string[],
): BadInputError {
  const field = issue.path.map(String).join('.');
  if (issue.code === 'unrecognized_keys') {
    const key = issue.keys[0] ?? '';
    const name = field === '' ? key : `${field}.${key}`;
    const knownKeys = keysAt(issue.path);
    const near = closest(key, knownKeys);
    const hint = near === undefined ? `known keys are ${knownKeys.join(', ')}` : `did you mean ${near}?`;
    return new BadInputError(name, `${name} is not a key of a run's configuration; ${hint}`);
  }
  const name = field === '' ? 'the configuration' : field;
  return new BadInputError(field, `${name} is ${shown(valueAt(input, issue.path))}, but ${allowed(issue)}`);
}
