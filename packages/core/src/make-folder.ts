import { accessSync, constants, existsSync, mkdirSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { EpemuError } from './errors.js';

/**
 * Makes a folder and those above it, one by one: `mkdirSync` with `recursive` never returns under /proc, where the
 * parent is there and still nothing can be made in it.
 *
 * @throws where a part of the path is a file, or the folder that it would be made in cannot be written.
 */
export function makeFolder(path: string): void {
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
