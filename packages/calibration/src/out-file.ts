import { rm, stat } from 'node:fs/promises';
import { BadInputError, messageOf, touchFile } from '@epemu/core';

/** @returns what a path leads to, links followed; undefined where there is nothing yet. */
async function fileAt(path: string): Promise<string | undefined> {
  try {
    const { dev, ino } = await stat(path, { bigint: true });
    return `${dev} ${ino}`;
  } catch {
    return undefined;
  }
}

/**
 * Looks whether a preset can be written, before the work rather than after it, and keeps a trace from being overwritten by
 * the preset that is made of it. What the file holds stays until then.
 *
 * @throws BadInputError where `--out` is the trace itself, whatever the paths, or cannot be written: a folder, a pipe that
 * nobody reads.
 */
export async function checkOutFile(trace: string, out: string): Promise<void> {
  const file = await fileAt(out);
  if (file !== undefined && file === (await fileAt(trace))) {
    throw new BadInputError('--out', `--out ${out} is the trace itself; name another file for the preset`);
  }
  try {
    touchFile(out);
  } catch (cause) {
    const problem = `--out ${out} cannot be written: ${messageOf(cause)}`;
    throw new BadInputError('--out', `${problem}; name a file in a folder that exists`, { cause });
  }
  if (file === undefined) await rm(out);
}
