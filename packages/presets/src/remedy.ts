import type * as z from 'zod';

/** What a preset's author calls the types that a schema expects. */
const TYPE_NAMES: Readonly<Record<string, string>> = {
  array: 'a list',
  boolean: 'true or false',
  int: 'a whole number',
  number: 'a number',
  object: 'a mapping',
  record: 'a mapping',
  string: 'a text',
  tuple: 'a list',
};

/** @returns the bound of a number, or of how long a text or a list is. */
function bounded(origin: string, words: string, bound: number | bigint): string {
  const one = Number(bound) === 1;
  if (origin === 'string') return `give a text of ${words} ${bound} character${one ? '' : 's'}`;
  if (origin === 'array') return `give a list of ${words} ${bound} ${one ? 'entry' : 'entries'}`;
  return `give a number of ${words} ${bound}`;
}

/**
 * Says what is allowed where a schema has no words of its own, in those of a preset's author rather than zod's.
 * @returns undefined for rare complaints, which keep zod's words.
 */
export function remedyOf(issue: z.core.$ZodRawIssue): string | undefined {
  if (issue.input === undefined) return 'add it';
  switch (issue.code) {
    case 'invalid_type':
      return `give ${TYPE_NAMES[issue.expected] ?? issue.expected}`;
    case 'invalid_value':
      return `give ${issue.values
        .map(String)
        .join(', ')
        .replace(/, ([^,]*)$/, ' or $1')}`;
    case 'invalid_union':
      return 'give a text or a number';
    case 'invalid_key':
      return 'remove it or correct its name';
    case 'too_small':
      return bounded(issue.origin, issue.inclusive === false ? 'more than' : 'at least', issue.minimum);
    case 'too_big':
      return bounded(issue.origin, issue.inclusive === false ? 'less than' : 'at most', issue.maximum);
    default:
      return undefined;
  }
}

/** @returns the words for a mapping whose kind is none of a union's; for what is no mapping, `remedyOf` has them. */
export function wordsForUnion(words: string): (issue: { readonly code?: string }) => string | undefined {
  return ({ code }) => (code === 'invalid_union' ? words : undefined);
}
