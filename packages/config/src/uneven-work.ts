import { BadInputError, FILE_LIMITS, messageOf, readRegularFile } from '@epemu/core';
import type { Configuration } from './configuration.js';
import { shown } from './explain.js';
import { rolesOf } from './roles.js';
import type { PlainObject } from './sources.js';

/** Keys that give ranks work of their own, and the key that says it of all alike, which a stronger choice brings back. */
const KEYS = {
  rankTokens: ['tokensPerMicrobatch', 'promptLengths'],
  rankPrompts: ['promptLengths', 'tokensPerMicrobatch'],
  kvLengths: ['kvLength', 'kvSpread', 'promptLengths'],
  kvSpread: ['kvLengths', 'promptLengths'],
} as const satisfies Readonly<Record<string, readonly string[]>>;
type Key = keyof typeof KEYS;
const keys = Object.keys(KEYS) as Key[];

/** A stronger choice of what all ranks do takes weaker work of single ranks away. @param weaker changed in place. */
export function overrideWork(weaker: PlainObject, stronger: Readonly<PlainObject>): void {
  for (const key of keys) {
    if (KEYS[key].some((alike) => stronger[alike] !== undefined)) Reflect.deleteProperty(weaker, key);
  }
}

/** Numbers of a file, a row a rank, and where each row stands. */
interface RankRows {
  readonly rows: readonly (readonly number[])[];
  readonly lineOf: (rank: number) => number;
}

/** Puts the rows of files in the place of their names. @throws BadInputError naming file and line. */
export function fillWork(values: PlainObject): void {
  const { rankTokens, rankPrompts, kvLengths } = values;
  if (typeof rankTokens === 'string') {
    const { rows, lineOf } = readRows('rankTokens', rankTokens);
    // One line of all ranks, or a line of each.
    const listed = rows.length === 1 ? rows[0].map((tokens) => [tokens]) : rows;
    const long = listed.findIndex(({ length }) => length !== 1);
    if (long >= 0) {
      const problem = `rank ${long} has ${listed[long].length} numbers; give one, the tokens of its micro-batches`;
      throw new BadInputError('rankTokens', `${rankTokens}, line ${lineOf(long)}: ${problem}`);
    }
    values['rankTokens'] = listed.map(([tokens]) => tokens);
  }
  if (typeof rankPrompts === 'string') values['rankPrompts'] = readRows('rankPrompts', rankPrompts).rows;
  if (typeof kvLengths !== 'string') return;
  const { rows, lineOf } = readRows('kvLengths', kvLengths);
  const empty = rows.findIndex((row) => row.length === 0 || row.includes(0));
  if (empty >= 0) {
    const problem = `rank ${empty} has ${rows[empty].length === 0 ? 'no KV length' : 'a KV length of 0'}; give 1 or more`;
    throw new BadInputError('kvLengths', `${kvLengths}, line ${lineOf(empty)}: ${problem}`);
  }
  values['kvLengths'] = { source: kvLengths, ranks: rows };
}

/** Reads a list of numbers a rank: lines of CSV, or a JSON list of lists or numbers. */
function readRows(key: Key, path: string): RankRows {
  let text: string;
  try {
    text = readRegularFile(path, FILE_LIMITS.configuration).toString();
  } catch (cause) {
    const message = `${key} is ${path}, which cannot be read (${messageOf(cause)}); name a CSV or JSON file, a row a rank`;
    throw new BadInputError(key, message, { cause });
  }
  const lines = /^\s*\[/.test(text) ? jsonRows(key, path, text) : csvRows(text);
  if (lines.length === 0) throw new BadInputError(key, `${path} has no row; give one a rank`);
  const rows = lines.map(({ line, cells }, rank) =>
    cells.map((cell): number => {
      const value = typeof cell === 'string' && /^\d+$/.test(cell.trim()) ? Number(cell) : cell;
      if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value;
      throw new BadInputError(
        key,
        `${path}, line ${line}: rank ${rank} has ${shown(cell)}, but it must be a whole number from 0 on`,
      );
    }),
  );
  return { rows, lineOf: (rank) => lines[Math.min(rank, lines.length - 1)].line };
}

interface Line {
  readonly line: number;
  readonly cells: readonly unknown[];
}

function csvRows(text: string): Line[] {
  return text
    .split(/\r?\n/)
    .map((content, index) => ({ line: index + 1, content: content.trim() }))
    .filter(({ content }) => content !== '' && !content.startsWith('#'))
    .map(({ line, content }) => ({ line, cells: content === '-' ? [] : content.split(/\s*[,;\t]\s*/) }));
}

function jsonRows(key: Key, path: string, text: string): Line[] {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (cause) {
    throw new BadInputError(key, `${path} is no JSON (${messageOf(cause)}); mend it`, { cause });
  }
  const rows = parsed as unknown[];
  const listed = rows.every((row) => !Array.isArray(row)) ? [rows] : rows;
  // JSON says nothing of lines: that of the row’s place among its lists, where each has a line of its own.
  const starts = text.split('\n').flatMap((content, index) => (/^\s*\[+\s*[\d\]]/.test(content) ? [index + 1] : []));
  return listed.map((row, rank) => {
    if (Array.isArray(row)) return { line: starts[rank] ?? 1, cells: row as unknown[] };
    throw new BadInputError(key, `${path}: rank ${rank} is ${shown(row)}, but it must be a list`);
  });
}

/** @throws BadInputError naming work of a rank that the run does not have, or that cannot be uneven. */
export function checkWork(configuration: Configuration): void {
  const { ranks, family, promptLengths, rankTokens, rankPrompts, kvLengths, kvSpread } = configuration;
  const refuse = (key: Key, problem: string): never => {
    throw new BadInputError(key, `${key} ${problem}`);
  };
  const used = keys.find((key) => configuration[key] !== undefined);
  if (used === undefined) return;
  for (const [key, rows] of [
    ['rankTokens', rankTokens?.length],
    ['rankPrompts', rankPrompts?.length],
    ['kvLengths', kvLengths?.ranks.length],
  ] as const) {
    if (rows === undefined || rows === ranks) continue;
    const from = key === 'kvLengths' ? `of ${kvLengths!.source} ` : '';
    refuse(key, `${from}has rows of ${rows} ranks, but the run has ${ranks}; give one a rank, or --ranks ${rows}`);
  }
  if (kvLengths !== undefined && kvSpread !== undefined)
    refuse('kvSpread', 'is given beside kvLengths; give one of them');
  if (promptLengths !== undefined && rankTokens !== undefined) {
    refuse('rankTokens', 'is given beside promptLengths; prompts of single ranks are rankPrompts');
  }
  if (promptLengths === undefined && rankPrompts !== undefined) {
    refuse('rankPrompts', 'is given, but the run has no prompts; use rankTokens');
  }
  if ((family === 'training' || promptLengths !== undefined) && (kvLengths !== undefined || kvSpread !== undefined)) {
    refuse(
      kvLengths === undefined ? 'kvSpread' : 'kvLengths',
      'is given, but only decode has a KV cache to begin with',
    );
  }
  const total = (rankTokens ?? rankPrompts?.flat())?.reduce((sum, tokens) => sum + tokens, 0);
  if (total === 0)
    refuse(rankTokens === undefined ? 'rankPrompts' : 'rankTokens', 'gives no rank a token; give one some');
  const handsOn =
    configuration.pipeline !== undefined || new Set(rolesOf(configuration).map(({ layers }) => layers.first)).size > 1;
  if (handsOn && used !== 'kvLengths' && used !== 'kvSpread') {
    refuse(used, 'is given, but ranks hand their tokens on to others, which need as many; use one stage');
  }
}
