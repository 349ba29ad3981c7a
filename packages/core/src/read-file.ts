import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { mostOf } from './file-limits.js';
import type { FileLimit } from './file-limits.js';

/** A regular file that is open for reading. */
export interface OpenedFile {
  readonly descriptor: number;
  /** Bytes when it was opened. */
  readonly bytes: number;
}

/**
 * Opens a regular file: a pipe would be waited for, a device may have no end.
 * @throws what the system says, or in the same form that it is no file.
 */
export function openRegularFile(path: string): OpenedFile {
  // Without O_NONBLOCK opening a pipe would wait for its writer.
  const descriptor = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const stat = fstatSync(descriptor);
    if (stat.isFile()) return { descriptor, bytes: stat.size };
    const kinds: readonly (readonly [boolean, string])[] = [
      [stat.isDirectory(), 'a folder'],
      [stat.isFIFO(), 'a pipe'],
      [stat.isSocket(), 'a socket'],
    ];
    const kind = kinds.find(([isOne]) => isOne)?.[1] ?? 'a device';
    throw new Error(`it is ${kind}, but only regular files are read; put what it gives into one`);
  } catch (error) {
    closeSync(descriptor);
    throw error;
  }
}

/**
 * Reads a regular file as a whole.
 * @throws as {@link openRegularFile}, or when it is longer than it may be, naming the variable that allows more.
 */
export function readRegularFile(path: string, limit: FileLimit): Buffer {
  const { descriptor, bytes } = openRegularFile(path);
  try {
    const most = mostOf(limit);
    // Files of the kernel say that they are empty, and others grow.
    const room = Math.min(most, Math.max(bytes, 1 << 16)) + 1;
    const pieces: Buffer[] = [];
    let length = 0;
    for (;;) {
      const piece = Buffer.allocUnsafe(Math.min(room, most + 1 - length));
      const read = readSync(descriptor, piece, 0, piece.length, length);
      if (read === 0) return Buffer.concat(pieces, length);
      pieces.push(piece.subarray(0, read));
      length += read;
      if (length > most) throw new Error(tooLong(limit, Math.max(bytes, length)));
    }
  } finally {
    closeSync(descriptor);
  }
}

/** @returns why something is not read, and what allows it. */
export function tooLong(limit: FileLimit, bytes: number): string {
  const most = mostOf(limit);
  const { what, variable } = limit;
  return `${what} has at least ${bytes} bytes, more than the ${most} that are read; raise ${variable} if that is meant`;
}
