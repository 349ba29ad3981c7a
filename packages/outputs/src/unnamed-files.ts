import { closeSync, mkdirSync, openSync, readSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { InvariantError } from '@epemu/core';

/** Where something lies in a file. */
export interface Extent {
  readonly at: number;
  readonly bytes: number;
}

/** Files on disk that have no names once they are open: nothing is left of them, however this process ends. */
export class UnnamedFiles<Name extends string> {
  readonly #folder: string;
  readonly #files = new Map<Name, { readonly descriptor: number; length: number }>();
  #closed = false;

  /** @param folder made for the moment in which they have names. @throws what the system says. */
  constructor(folder: string, names: readonly Name[]) {
    this.#folder = folder;
    mkdirSync(folder, { recursive: true });
    try {
      for (const name of names) this.#files.set(name, { descriptor: openSync(join(folder, name), 'w+'), length: 0 });
    } finally {
      // Network file systems keep another name until it is closed; then it goes with the folder.
      rmSync(folder, { recursive: true, force: true });
    }
  }

  /** @returns where it lies; nothing is written any more once these files are closed. @throws what the system says. */
  append(name: Name, bytes: Uint8Array): Extent {
    const file = this.#fileOf(name);
    const at = file.length;
    if (this.#closed) return { at, bytes: bytes.byteLength };
    let length = 0;
    while (length < bytes.byteLength) {
      length += writeSync(file.descriptor, bytes, length, bytes.byteLength - length, at + length);
    }
    file.length += length;
    return { at, bytes: length };
  }

  /** Fills the bytes with what lies there. */
  read(name: Name, { at, bytes }: Extent, into: Uint8Array): void {
    const { descriptor } = this.#fileOf(name);
    if (this.#closed) throw new InvariantError('these files are closed');
    let length = 0;
    while (length < bytes) {
      const read = readSync(descriptor, into, length, bytes - length, at + length);
      if (read === 0) throw new InvariantError(`${name} end ${bytes - length} bytes too early`);
      length += read;
    }
  }

  /** Frees the disk. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const { descriptor } of this.#files.values()) closeSync(descriptor);
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #fileOf(name: Name): { readonly descriptor: number; length: number } {
    const file = this.#files.get(name);
    if (file === undefined) throw new InvariantError(`there is no file of ${name}`);
    return file;
  }
}
