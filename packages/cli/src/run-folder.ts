import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { InputProblem } from '@epemu/analysis';
import { FILE_LIMITS, counted, readRegularFile } from '@epemu/core';
import { rankFileName, writerOf } from '@epemu/outputs';

/** As many missing ranks are named. */
const MOST_NAMED = 8;

/** @returns what a run's JSON file holds by name; nothing where it cannot be read. */
function fieldsOf(path: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(readRegularFile(path, FILE_LIMITS.configuration).toString());
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

function missingRanks(folder: string): string | undefined {
  const { ranks } = fieldsOf(join(folder, 'config.json'));
  if (typeof ranks !== 'number' || !Number.isSafeInteger(ranks) || ranks > 65_536) return undefined;
  const all = Array.from({ length: ranks }, (_, rank) => rank);
  const missing = all.filter((rank) => !existsSync(join(folder, rankFileName(rank))));
  if (missing.length === 0) return undefined;
  const named = missing.slice(0, MOST_NAMED).join(', ');
  const more = missing.length > MOST_NAMED ? ` and ${missing.length - MOST_NAMED} more` : '';
  return `${folder} lacks the traces of ${counted(missing.length, 'rank')} of ${ranks} (${named}${more}); run it again for all`;
}

/** @returns what keeps a run's folder from being all of a run that ended well: its traces do not tell. */
export function problemsOfRun(folder: string): InputProblem[] {
  if (statSync(folder, { throwIfNoEntry: false })?.isDirectory() !== true) return [];
  const problem = (file: string, message: string): InputProblem => ({ file, message, partial: true });
  const problems: InputProblem[] = [];
  const writer = writerOf(folder);
  if (writer !== undefined) {
    problems.push(problem(folder, `${folder} is being written by ${writer}; wait until that run has ended`));
  }
  const { status, error } = fieldsOf(join(folder, 'report.json'));
  if (status === 'failed' && writer === undefined) {
    const why = typeof error === 'string' ? ` (${error})` : '';
    const message = `${folder} is of a run that failed${why}; its traces end where it did`;
    problems.push(problem(join(folder, 'report.json'), message));
  }
  // A folder of copies of some of a run's files is no part of a run.
  const missing = existsSync(join(folder, 'ranks')) ? missingRanks(folder) : undefined;
  if (missing !== undefined) problems.push(problem(folder, missing));
  return problems;
}
