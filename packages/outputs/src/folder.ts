import { randomBytes } from 'node:crypto';
import { accessSync, constants, existsSync, readdirSync, rmSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { BadInputError, makeFolder, messageOf } from '@epemu/core';

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
    if (readdirSync(folder).length > 0) {
      if (!force)
        throw new BadInputError('out', `out is ${out}, which is not empty; name another folder or add --force`);
      for (const name of RUN_FILES) rmSync(join(folder, name), { recursive: true, force: true });
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
