import { randomBytes } from 'node:crypto';
import { accessSync, constants, existsSync, readdirSync, rmSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { BadInputError, makeFolder, messageOf, partialName } from '@epemu/core';
import { LOCK_FILE } from './folder-lock.js';

/** Files and folders that a run writes; `--force` removes these and nothing else. */
export const RUN_FILES = [
  'config.json',
  'trace.json.gz',
  'ranks',
  'operations.bin.gz',
  'host-trace.json.gz',
  'report.json',
  'report.html',
  'metrics.prom',
  'run.log',
  '.spool',
] as const;

/** @returns the name of a rank's trace in the run's folder: `ranks/rank-00000.json.gz`. */
export function rankFileName(rank: number): string {
  return `ranks/rank-${String(rank).padStart(5, '0')}.json.gz`;
}

/** @returns `20260102-030405-decode-a1b2c3`: when, what, and six random digits. */
export function newRunId(scenario: string, now: Date): string {
  const stamp = now.toISOString().replace(/[-:]/g, '').replace('T', '-').slice(0, 15);
  return `${stamp}-${scenario.replace(/[^A-Za-z0-9-]/g, '_')}-${randomBytes(3).toString('hex')}`;
}

/** Removes what of a run's files is not whole: a run that is ended leaves none. */
export function removePartials(folder: string): void {
  for (const name of RUN_FILES) rmSync(join(folder, partialName(name)), { force: true });
  const ranks = join(folder, 'ranks');
  if (!existsSync(ranks)) return;
  for (const name of readdirSync(ranks)) if (name.endsWith(partialName(''))) rmSync(join(ranks, name), { force: true });
}

/**
 * Makes the output folder ready: creates it, refuses one that holds something unless forced.
 * @throws BadInputError naming the folder.
 */
export function prepareFolder(out: string, force: boolean): string {
  const folder = resolve(out);
  if (existsSync(folder)) {
    if (!statSync(folder).isDirectory()) {
      throw new BadInputError('out', `out is ${out}, which is a file; name a folder`);
    }
    if (readdirSync(folder).some((name) => !name.startsWith(LOCK_FILE))) {
      if (!force)
        throw new BadInputError('out', `out is ${out}, which is not empty; name another folder or add --force`);
      for (const name of RUN_FILES) rmSync(join(folder, name), { recursive: true, force: true });
      removePartials(folder);
    }
  }
  try {
    makeFolder(join(folder, 'ranks'));
    accessSync(folder, constants.W_OK);
  } catch (error) {
    throw new BadInputError('out', `out is ${out}, which cannot be written (${messageOf(error)}); name another folder`);
  }
  return folder;
}
