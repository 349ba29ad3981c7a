import { existsSync, readdirSync, statSync } from 'node:fs';
import type { Stats } from 'node:fs';
import { join, resolve } from 'node:path';
import { BadInputError, messageOf } from '@epemu/core';

/** What a run writes beside its traces. */
const NO_TRACES: ReadonlySet<string> = new Set(['config.json', 'report.json', 'host-trace.json.gz', 'package.json']);
const TRACE_NAME = /\.json(?:\.gz)?$/;

/** A file to read, and whether the user named it or it was found in a folder. */
export interface InputFile {
  readonly path: string;
  readonly named: boolean;
}

function tracesIn(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isFile() && TRACE_NAME.test(entry.name) && !NO_TRACES.has(entry.name))
    .map(({ name }) => join(folder, name))
    .sort();
}

/** Traces of a folder: of a run its rank files, which hold more than its merged trace; else those directly in it. */
function filesOfFolder(folder: string): string[] {
  const ranks = join(folder, 'ranks');
  if (existsSync(ranks) && statSync(ranks).isDirectory()) {
    const files = tracesIn(ranks);
    if (files.length > 0) return files;
  }
  return tracesIn(folder);
}

/** @throws BadInputError where a path leads nowhere: to nothing, or to itself by a link. */
function statOf(path: string): Stats {
  try {
    return statSync(path);
  } catch (cause) {
    const why =
      (cause as NodeJS.ErrnoException).code === 'ENOENT' ? 'does not exist' : `cannot be read (${messageOf(cause)})`;
    throw new BadInputError(path, `${path} ${why}; name a trace, a run's folder or a folder of traces`, { cause });
  }
}

/**
 * Finds the traces that paths lead to: files as they are, folders by their content, each file once, in the order of
 * their names, whatever the order of the paths.
 *
 * @throws BadInputError where a path does not exist or a folder holds no trace.
 */
export function inputFiles(paths: readonly string[]): InputFile[] {
  const found = new Map<string, InputFile>();
  for (const path of paths) {
    const stat = statOf(path);
    if (!stat.isDirectory()) {
      found.set(resolve(path), { path, named: true });
      continue;
    }
    const files = filesOfFolder(path);
    if (files.length === 0) {
      throw new BadInputError(
        path,
        `${path} holds no trace (.json or .json.gz); name a run's folder or a folder of traces`,
      );
    }
    for (const file of files) if (!found.has(resolve(file))) found.set(resolve(file), { path: file, named: false });
  }
  return [...found].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, file]) => file);
}
