import { constants } from 'node:fs';
import { open, realpath } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { RUN_FILES } from '@epemu/outputs';

/** A run's files that are offered, beside those of its ranks. */
export const DOWNLOADS: readonly string[] = RUN_FILES.filter((name) => /^[a-z]/.test(name) && name.includes('.'));

const RANK_FILE = /^ranks\/rank-\d{5}\.json\.gz$/;

const TYPES: readonly (readonly [suffix: string, type: string])[] = [
  ['.gz', 'application/gzip'],
  ['.json', 'application/json'],
  ['.html', 'text/html; charset=utf-8'],
  ['.prom', 'text/plain; charset=utf-8'],
  ['.log', 'text/plain; charset=utf-8'],
];

/** @returns a file's content type by its name. */
export function contentType(name: string): string {
  return TYPES.find(([suffix]) => name.endsWith(suffix))?.[1] ?? 'application/octet-stream';
}

/** A file that is open for reading. */
export interface OpenFile {
  readonly handle: FileHandle;
  /** Bytes at the moment it was opened; it may grow. */
  readonly bytes: number;
}

/** @returns a name in a run's folder from the path below `/files/`; undefined where no run has such a file. */
export function runFileName(path: string): string | undefined {
  // What is asked for is compared with what there may be, never mended: nothing is left to climb with.
  return DOWNLOADS.includes(path) || RANK_FILE.test(path) ? path : undefined;
}

/**
 * Opens a regular file that really lies at that place in the folder; a symbolic link, on the way or at the end, is not
 * followed out of it.
 * @param name as {@link runFileName} gives it.
 * @returns undefined where there is none.
 */
export async function openRunFile(folder: string, name: string): Promise<OpenFile | undefined> {
  const path = join(await realpath(folder), ...name.split('/'));
  let handle: FileHandle;
  try {
    // Without O_NONBLOCK opening a pipe would wait for its writer.
    handle = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch {
    return undefined;
  }
  try {
    const { size } = await regular(handle, path);
    return { handle, bytes: size };
  } catch {
    await handle.close();
    return undefined;
  }
}

/** @returns what is known of an open file. @throws where it is no regular file, or not at its own path. */
async function regular(handle: FileHandle, path: string): Promise<{ size: number }> {
  const stat = await handle.stat();
  if (!stat.isFile()) throw new Error('it is no regular file');
  if ((await realpath(path)) !== path) throw new Error(`it lies elsewhere than at ${path.split(sep).pop() ?? path}`);
  return stat;
}
