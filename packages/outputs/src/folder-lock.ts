import {
  closeSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { hostname } from 'node:os';
import { join, resolve } from 'node:path';
import { BadInputError } from '@epemu/core';

/** The file that says whose a folder is while it is written. */
export const LOCK_FILE = '.lock';

/** The process that holds a lock, as far as others can tell it from another one of its number. */
interface Holder {
  readonly pid: number;
  readonly host: string;
  /** The kernel since it was started, and the process numbers that `pid` is of; empty where it does not say. */
  readonly kernel: string;
  readonly namespace: string;
  /** When the process was started, in ticks of the kernel. */
  readonly started: string;
}

function said(read: () => string): string {
  try {
    return read().trim();
  } catch {
    return '';
  }
}

/** @returns when a process was started; empty where there is none, or the kernel does not say. */
function startOf(pid: number): string {
  // The name of the program, in parentheses, may hold anything.
  const stat = said(() => readFileSync(`/proc/${pid}/stat`, 'utf8'));
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
}

function thisProcess(): Holder {
  return {
    pid: process.pid,
    host: hostname(),
    kernel: said(() => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8')),
    namespace: said(() => readlinkSync('/proc/self/ns/pid')),
    started: startOf(process.pid),
  };
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** @returns whether a holder is gone for certain: of other machines and containers nobody here can tell. */
function isGone(holder: Holder): boolean {
  const here = thisProcess();
  if (holder.kernel !== here.kernel) return holder.host === here.host;
  if (holder.namespace !== here.namespace) return false;
  return !isRunning(holder.pid) || startOf(holder.pid) !== holder.started;
}

function holderIn(text: string): Holder | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && 'pid' in value ? (value as Holder) : undefined;
  } catch {
    return undefined;
  }
}

/** @returns the process that writes into a folder now; undefined where none does. */
export function writerOf(folder: string): string | undefined {
  const holder = holderIn(said(() => readFileSync(join(folder, LOCK_FILE), 'utf8')));
  if (holder === undefined || isGone(holder)) return undefined;
  return `process ${holder.pid} on ${holder.host}`;
}

/** Sees to it that one run at a time writes into a folder. */
export class FolderLock {
  readonly #path: string | undefined;

  private constructor(path: string | undefined) {
    this.#path = path;
  }

  /**
   * Takes the lock of a folder, which is made if it is not there; that of a process that is gone is taken over.
   * @throws BadInputError when another run writes into it.
   */
  static take(out: string): FolderLock {
    const path = join(resolve(out), LOCK_FILE);
    try {
      mkdirSync(resolve(out), { recursive: true });
    } catch {
      // Whoever prepares the folder says what is wrong with it.
      return new FolderLock(undefined);
    }
    for (;;) {
      const text = FolderLock.#create(path);
      if (text === undefined) return new FolderLock(path);
      if (text === '') return new FolderLock(undefined);
      const holder = holderIn(text);
      if (holder !== undefined && isGone(holder)) {
        FolderLock.#removeStale(path, text);
        continue;
      }
      const who = holder === undefined ? 'another run' : `process ${holder.pid} on ${holder.host}`;
      throw new BadInputError(
        'out',
        `out is ${out}, into which ${who} is writing; name another folder, or wait (if it is gone, remove ${path})`,
      );
    }
  }

  /** Gives the folder free. */
  release(): void {
    if (this.#path !== undefined) rmSync(this.#path, { force: true });
  }

  /** @returns undefined when the lock is made; what is in it where there is one; empty where none can be made. */
  static #create(path: string): string | undefined {
    // Under another name first, so that nobody finds it empty.
    const own = `${path}.${process.pid}`;
    try {
      const file = openSync(own, 'w');
      writeSync(file, JSON.stringify(thisProcess()));
      closeSync(file);
      linkSync(own, path);
      return undefined;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') return '';
      return said(() => readFileSync(path, 'utf8')) || '{}';
    } finally {
      rmSync(own, { force: true });
    }
  }

  /** Removes a lock, but not one that another process has made in its place meanwhile. */
  static #removeStale(path: string, text: string): void {
    const aside = `${path}.${process.pid}.stale`;
    try {
      renameSync(path, aside);
      if (said(() => readFileSync(aside, 'utf8')) !== text) linkSync(aside, path);
    } catch {
      // Another process was faster: what is there now is looked at again.
    } finally {
      rmSync(aside, { force: true });
    }
  }
}
