import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BadInputError } from '@epemu/core';
import { expect } from 'chai';

/** Files that exist while a test runs, by name; gets the folder they are in. */
export function withFiles<T>(files: Readonly<Record<string, string>>, test: (folder: string) => T): T {
  const folder = mkdtempSync(join(tmpdir(), 'epemu-presets-'));
  try {
    for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
    return test(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** @returns the error that loading a file of some text is refused with. */
export function refusalOf(load: (file: string) => unknown, text: string): { error: BadInputError; file: string } {
  return withFiles({ 'mine.json': text }, (folder) => {
    const file = join(folder, 'mine.json');
    try {
      load(file);
    } catch (error) {
      expect(error).to.be.instanceOf(BadInputError);
      return { error: error as BadInputError, file };
    }
    throw new Error('nothing was refused');
  });
}
