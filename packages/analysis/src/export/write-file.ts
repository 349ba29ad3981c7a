import { createWriteStream } from 'node:fs';
import { Readable } from 'node:stream';
import type { Duplex } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { EpemuError, messageOf } from '@epemu/core';

/** What an export wrote. */
export interface ExportOutcome {
  /** Files in the order in which they were written. */
  readonly files: readonly string[];
  /** What the user should know of them: what is missing and why, a sentence each. */
  readonly notes: readonly string[];
}

/**
 * Writes items one after the other as the disk takes them, so that they need not all be in memory.
 *
 * @param encode makes text of the items; without it they are text already.
 * @throws EpemuError naming the file where the disk does not take it.
 */
export async function writeFileFrom(path: string, items: Iterable<unknown>, encode?: Duplex): Promise<void> {
  const middle = encode === undefined ? [] : [encode];
  try {
    await pipeline([Readable.from(items), ...middle, createWriteStream(path)]);
  } catch (error) {
    if (!(error instanceof Error && 'syscall' in error)) throw error;
    throw new EpemuError(`cannot write ${path}: ${messageOf(error)}; check that its folder exists and has room`);
  }
}
