import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { EXIT_CODE, EpemuError, messageOf } from '@epemu/core';
import type { ProcessExit } from './coordinator/failure.js';

/** Starts `worker/main.ts`, which the build bundles and compiles. */
const WORKER_ENTRY = fileURLToPath(new URL('./worker.start.cjs', import.meta.url));
const MOST_ERROR_OUTPUT = 8192;

/** @returns where a command is on the PATH, if it is. */
export function findCommand(name: string): string | undefined {
  const folders = (process.env['PATH'] ?? '').split(delimiter);
  return folders.map((folder) => join(folder, name)).find((path) => existsSync(path));
}

const LIMIT_ERRORS = ['EMFILE', 'ENFILE', 'EAGAIN', 'ENOMEM'];

/** Told what becomes of worker processes. */
export interface LauncherObserver {
  onExit(exit: ProcessExit): void;
  /** Called once, when a process could not be started; no further one is tried. */
  onSpawnError(error: EpemuError): void;
}

/** @returns one sentence on a process that could not be started, with a remedy. */
export function spawnError(cause: unknown, started: number, count: number): EpemuError {
  const code = (cause as NodeJS.ErrnoException | undefined)?.code ?? '';
  const remedy = LIMIT_ERRORS.includes(code)
    ? ': the limit of open files or of processes is reached; raise it (ulimit -n, ulimit -u) or give each worker more ' +
      'ranks (--ranks-per-worker)'
    : '';
  const what = `worker process ${started + 1} of ${count} could not be started (${messageOf(cause)})${remedy}`;
  return new EpemuError(what, EXIT_CODE.failure, { cause });
}

/** What worker processes that a run starts are told. */
export interface LaunchOptions {
  readonly coordinatorUrl: string;
  readonly token: string;
  readonly slots: number;
  /** Workers serve their metrics, each on a free port, and stay for that long after their end, s. */
  readonly metricsLingerSeconds: number | undefined;
}

/** Starts worker processes and sees to it that none outlives this one. */
export class WorkerLauncher {
  readonly #children = new Set<ChildProcess>();
  readonly #observer: LauncherObserver;

  constructor(observer: LauncherObserver) {
    this.#observer = observer;
  }

  /** Numbers of the processes that have not ended. */
  get pids(): readonly number[] {
    return [...this.#children].flatMap(({ pid }) => pid ?? []);
  }

  /** Starts `count` workers that offer `slots` ranks each. */
  start(count: number, options: LaunchOptions): void {
    // The kernel kills the child when this process dies, however it dies; it costs one exec.
    const setpriv = process.platform === 'linux' ? findCommand('setpriv') : undefined;
    const node = [process.execPath, ...process.execArgv, '--max-semi-space-size=16', WORKER_ENTRY];
    const [command, ...rest] = setpriv === undefined ? node : [setpriv, '--pdeathsig', 'KILL', ...node];
    for (let i = 0; i < count; i++) {
      const child = this.#spawn(command, rest, options, (error) => {
        this.#observer.onSpawnError(spawnError(error, i, count));
      });
      if (child === undefined) return;
      this.#follow(child);
    }
  }

  /** @returns the process, or undefined when it cannot be started, which `onError` is told. */
  #spawn(
    command: string,
    rest: string[],
    options: LaunchOptions,
    onError: (error: unknown) => void,
  ): ChildProcess | undefined {
    try {
      const child = spawn(command, rest, {
        stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
        env: {
          ...process.env,
          EPEMU_COORDINATOR: options.coordinatorUrl,
          EPEMU_TOKEN: options.token,
          EPEMU_SLOTS: String(options.slots),
          // The address in this process's own environment is the coordinator's.
          EPEMU_METRICS: options.metricsLingerSeconds === undefined ? '' : '127.0.0.1:0',
          EPEMU_METRICS_LINGER: String(options.metricsLingerSeconds ?? ''),
          // Threads of zlib and friends that a worker never uses much; libuv would start four a process.
          UV_THREADPOOL_SIZE: '1',
        },
      });
      if (child.pid !== undefined) return child;
      // Such a child may never close, so that nobody must wait for it.
      child.once('error', onError);
    } catch (error) {
      onError(error);
    }
    return undefined;
  }

  #follow(child: ChildProcess): void {
    this.#children.add(child);
    let errorOutput = '';
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      errorOutput = (errorOutput + text).slice(-MOST_ERROR_OUTPUT);
    });
    child.once('error', (error) => {
      errorOutput += error.message;
    });
    child.once('close', (code, signal) => {
      this.#children.delete(child);
      this.#observer.onExit({ pid: child.pid ?? 0, code, signal, errorOutput });
    });
  }

  /** Waits until all have ended, at most `graceMs` or until the signal aborts, then kills what is left. */
  async end(graceMs: number, signal?: AbortSignal): Promise<void> {
    const gone = Promise.all(
      [...this.#children].map(
        (child) =>
          new Promise<void>((resolve) => {
            child.once('close', () => {
              resolve();
            });
          }),
      ),
    );
    const kill = (): void => {
      this.kill();
    };
    const timer = setTimeout(kill, graceMs);
    signal?.addEventListener('abort', kill);
    if (signal?.aborted === true) kill();
    await gone;
    signal?.removeEventListener('abort', kill);
    clearTimeout(timer);
  }

  /** Kills all at once; a stopped process too. */
  kill(): void {
    for (const child of this.#children) child.kill('SIGKILL');
  }
}
