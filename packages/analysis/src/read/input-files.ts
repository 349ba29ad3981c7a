import { existsSync, readdirSync, statSync } from 'node:fs';
import type { Dirent, Stats } from 'node:fs';
import { join, resolve } from 'node:path';
import { BadInputError, counted, messageOf } from '@epemu/core';
import type { InputProblem } from '../model.js';

/** What a run writes beside its traces. */
const NO_TRACES: ReadonlySet<string> = new Set(['config.json', 'report.json', 'host-trace.json.gz', 'package.json']);
const TRACE_NAME = /\.json(?:\.gz|\.zst)?$/i;
const ARCHIVE_NAME = /\.(?:zip|7z|tar|tgz|tar\.(?:gz|zst|xz|bz2))$/i;
/** Folders within each other that traces are looked for in: a job, a step, a node, a rank. */
const MOST_DEPTH = 4;

/** A file to read, and whether the user named it or it was found in a folder. */
export interface InputFile {
  readonly path: string;
  readonly named: boolean;
}

/** Files to read, and what was found beside them and is not. */
export interface InputFiles {
  readonly files: readonly InputFile[];
  readonly problems: readonly InputProblem[];
}

/** What lies in a folder, each ascending by name. */
interface FolderContent {
  readonly traces: readonly string[];
  readonly archives: readonly string[];
  readonly folders: readonly string[];
}

/** @returns what an entry of a folder is: of a link, what it leads to; undefined where that is nothing. */
function entryStat(folder: string, entry: Dirent): Dirent | Stats | undefined {
  if (!entry.isSymbolicLink()) return entry;
  try {
    return statSync(join(folder, entry.name));
  } catch {
    return undefined;
  }
}

function contentOf(folder: string): FolderContent {
  const entries = readdirSync(folder, { withFileTypes: true })
    .filter(({ name }) => !name.startsWith('.'))
    .map((entry) => ({ name: entry.name, stat: entryStat(folder, entry) }));
  const files = entries.filter(({ name, stat }) => stat?.isFile() && !NO_TRACES.has(name)).map(({ name }) => name);
  const paths = (names: readonly string[]): string[] => names.map((name) => join(folder, name)).sort();
  return {
    traces: paths(files.filter((name) => TRACE_NAME.test(name))),
    archives: paths(files.filter((name) => ARCHIVE_NAME.test(name))),
    folders: paths(entries.filter(({ stat }) => stat?.isDirectory()).map(({ name }) => name)),
  };
}

/** Traces of a folder, and archives that may hold some. */
type FolderFiles = Pick<FolderContent, 'traces' | 'archives'>;

/**
 * Traces of a folder: of a run its rank files, which hold more than its merged trace; else those directly in it; where
 * there are none, those in its folders.
 */
function filesOfFolder(folder: string, depth = 0): FolderFiles {
  const ranks = join(folder, 'ranks');
  if (existsSync(ranks) && statSync(ranks).isDirectory()) {
    const found = contentOf(ranks);
    if (found.traces.length > 0) return found;
  }
  const { traces, archives, folders } = contentOf(folder);
  if (traces.length > 0 || depth === MOST_DEPTH) return { traces, archives };
  const within = folders.map((name) => filesOfFolder(name, depth + 1));
  return {
    traces: within.flatMap((found) => found.traces),
    archives: [...archives, ...within.flatMap((found) => found.archives)],
  };
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

function archiveProblem(folder: string, archives: readonly string[]): InputProblem {
  const what = archives.length === 1 ? archives[0] : `${counted(archives.length, 'archive')} (${archives[0]}, …)`;
  return { file: folder, message: `${what} may hold traces, and is not read: unpack it`, partial: true };
}

/** Names with numbers in them ascend by these: rank 10 is behind rank 9. */
const BY_NAME = new Intl.Collator('en', { numeric: true });

/**
 * Finds the traces that paths lead to: files as they are, folders by their content, each file once, in the order of
 * their names, whatever the order of the paths.
 *
 * @throws BadInputError where a path does not exist or a folder holds no trace.
 */
export function inputFiles(paths: readonly string[]): InputFiles {
  const found = new Map<string, InputFile>();
  const problems: InputProblem[] = [];
  for (const path of paths) {
    const stat = statOf(path);
    if (!stat.isDirectory()) {
      found.set(resolve(path), { path, named: true });
      continue;
    }
    const { traces, archives } = filesOfFolder(path);
    if (traces.length === 0) {
      const packed = archives.length === 0 ? '' : `, only an archive (${archives[0]}): unpack it`;
      const message = `${path} holds no trace (.json or .json.gz), nor do folders in it${packed}`;
      throw new BadInputError(path, `${message}; name a run's folder or a folder of traces`);
    }
    if (archives.length > 0) problems.push(archiveProblem(path, archives));
    for (const file of traces) if (!found.has(resolve(file))) found.set(resolve(file), { path: file, named: false });
  }
  const byName = (a: string, b: string): number => BY_NAME.compare(a, b) || (a < b ? -1 : 1);
  return { files: [...found].sort(([a], [b]) => byName(a, b)).map(([, file]) => file), problems };
}
