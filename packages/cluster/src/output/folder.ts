import { randomBytes } from 'node:crypto';
import { accessSync, constants, existsSync, mkdirSync, readdirSync, rmSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { BadInputError, EpemuError, messageOf } from '@epemu/core';

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

/**
 * Makes a folder and those above it, one by one: `mkdirSync` with `recursive` never returns under /proc, where the
 * parent is there and still nothing can be made in it.
 */
function makeFolder(path: string): void {
  const missing: string[] = [];
  let existing = path;
  while (!existsSync(existing) && dirname(existing) !== existing) {
    missing.unshift(existing);
    existing = dirname(existing);
  }
  if (!statSync(existing).isDirectory()) throw new EpemuError(`${existing} is not a folder`);
  accessSync(existing, constants.W_OK);
  for (const part of missing) mkdirSync(part);
}
