import { accessSync, constants, existsSync, readdirSync, statSync } from 'node:fs';
import { resolve } from 'node:path';
import { BadInputError, makeFolder, messageOf } from '@epemu/core';

/**
 * Makes the folder of an export ready, before anything is read or written; safe to call again until then.
 *
 * @param flag as the user wrote it, `--csv`.
 * @throws BadInputError where the folder is a file, holds something or cannot be written.
 */
export function prepareExportFolder(flag: string, out: string): string {
  const folder = resolve(out);
  const problem = (what: string, remedy: string): BadInputError =>
    new BadInputError(flag, `${flag} is ${out}, which ${what}; ${remedy}`);
  if (existsSync(folder)) {
    if (!statSync(folder).isDirectory()) throw problem('is a file', 'name a folder');
    if (readdirSync(folder).length > 0) throw problem('is not empty', 'name another folder or empty it');
  }
  try {
    makeFolder(folder);
    accessSync(folder, constants.W_OK);
  } catch (error) {
    throw problem(`cannot be written (${messageOf(error)})`, 'name another folder');
  }
  return folder;
}
