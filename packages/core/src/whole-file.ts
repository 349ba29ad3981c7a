import { renameSync, rmSync, writeFileSync } from 'node:fs';

/** @returns the name under which a file is written until it is whole: no reader takes it for one of its kind. */
export function partialName(path: string): string {
  return `${path}.partial`;
}

/** A file that was written is whole: gives it its name, in the place of what had it. */
export function completeFile(path: string): void {
  renameSync(partialName(path), path);
}

/** Writes a file as a whole: whoever reads it sees what was there before, or all of this. @throws what the system says. */
export function writeWholeFile(path: string, text: string): void {
  const partial = partialName(path);
  try {
    writeFileSync(partial, text);
    renameSync(partial, path);
  } catch (error) {
    rmSync(partial, { force: true });
    throw error;
  }
}
