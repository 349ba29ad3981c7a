import { stat } from 'node:fs/promises';
import { BadInputError } from '@epemu/core';

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
 * Keeps a trace from being overwritten by the preset that is made of it.
 *
 * @throws BadInputError where `--out` is the trace itself, whatever the paths.
 */
export async function checkOutFile(trace: string, out: string): Promise<void> {
  const file = await fileAt(out);
  if (file === undefined || file !== (await fileAt(trace))) return;
  throw new BadInputError('--out', `--out ${out} is the trace itself; name another file for the preset`);
}
