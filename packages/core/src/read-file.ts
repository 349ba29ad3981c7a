import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { FILE_LIMITS, mostOf } from './file-limits.js';
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

/**
 * Looks whether a file can be written, which is made if it is not there; what it holds stays.
 * @throws what the system says; of a pipe that nobody reads, instead of waiting.
 */
export function touchFile(path: string): void {
  const { O_WRONLY, O_APPEND, O_CREAT, O_NONBLOCK } = constants;
  closeSync(openSync(path, O_WRONLY | O_APPEND | O_CREAT | O_NONBLOCK));
}

/** @returns why something is not read, and what allows it. */
export function tooLong(limit: FileLimit, bytes: number): string {
  const most = mostOf(limit);
  const { what, variable } = limit;
  return `${what} has at least ${bytes} bytes, more than the ${most} that are read; raise ${variable} if that is meant`;
}

/** Ratios are looked at from here on: little that repeats packs well, and costs nothing. */
const RATIO_COUNTS_FROM = 1 << 26;

/** Counts what comes out of a file while it is read piece by piece, unpacked where it is packed. */
export class ReadMeter {
  readonly #limit: FileLimit;
  readonly #most: number;
  readonly #mostRatio = mostOf(FILE_LIMITS.gzipRatio);
  #packed = 0;
  #content = 0;

  constructor(limit: FileLimit) {
    this.#limit = limit;
    this.#most = mostOf(limit);
  }

  /** Bytes were read from the file. */
  notePacked(bytes: number): void {
    this.#packed += bytes;
  }

  /** Bytes of content came out. @throws Error naming the limit that they pass. */
  noteContent(bytes: number): void {
    this.#content += bytes;
    if (this.#content > this.#most) throw new Error(tooLong(this.#limit, this.#content));
    if (this.#content <= RATIO_COUNTS_FROM || this.#content <= this.#packed * this.#mostRatio) return;
    const { variable } = FILE_LIMITS.gzipRatio;
    throw new Error(`it unpacks to more than ${this.#mostRatio} times its size; raise ${variable} if that is meant`);
  }
}
