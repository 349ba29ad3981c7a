import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ProcessExit } from './coordinator/failure.js';

/** `worker/main.ts` in one file, made by the build: it starts in half the time. */
const WORKER_ENTRY = fileURLToPath(new URL('./worker.bundle.js', import.meta.url));
const MOST_ERROR_OUTPUT = 8192;

/** @returns where a command is on the PATH, if it is. */
function findCommand(name: string): string | undefined {
  const folders = (process.env['PATH'] ?? '').split(delimiter);
  return folders.map((folder) => join(folder, name)).find((path) => existsSync(path));
}

/** Starts worker processes and sees to it that none outlives this one. */
export class WorkerLauncher {
  readonly #children = new Set<ChildProcess>();
  readonly #onExit: (exit: ProcessExit) => void;
  /** All pids ever started. */
  readonly pids: number[] = [];

  constructor(onExit: (exit: ProcessExit) => void) {
    this.#onExit = onExit;
  }

  /** Starts `count` workers that offer `slots` ranks each. */
  start(count: number, options: { coordinatorUrl: string; token: string; slots: number }): void {
    // The kernel kills the child when this process dies, however it dies; it costs one exec.
    const setpriv = process.platform === 'linux' ? findCommand('setpriv') : undefined;
    const node = [process.execPath, ...process.execArgv, '--max-semi-space-size=16', WORKER_ENTRY];
    const [command, ...rest] = setpriv === undefined ? node : [setpriv, '--pdeathsig', 'KILL', ...node];
    for (let i = 0; i < count; i++) {
      const child = spawn(command, rest, {
        stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
        env: {
          ...process.env,
          EPEMU_COORDINATOR: options.coordinatorUrl,
          EPEMU_TOKEN: options.token,
          EPEMU_SLOTS: String(options.slots),
          // Threads of zlib and friends that a worker never uses much; libuv would start four a process.
          UV_THREADPOOL_SIZE: '1',
        },
      });
      this.#follow(child);
    }
  }

  #follow(child: ChildProcess): void {
    this.#children.add(child);
    if (child.pid !== undefined) this.pids.push(child.pid);
    let errorOutput = '';
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      errorOutput = (errorOutput + text).slice(-MOST_ERROR_OUTPUT);
    });
    child.once('error', (error) => {
      errorOutput += error.message;
    });
    child.once('close', (code, signal) => {
      this.#children.delete(child);
      this.#onExit({ pid: child.pid ?? 0, code, signal, errorOutput });
    });
  }

  /** Waits until all have ended, at most `graceMs`, then kills what is left. */
  async end(graceMs: number): Promise<void> {
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
    const timer = setTimeout(() => {
      this.kill();
    }, graceMs);
    await gone;
    clearTimeout(timer);
  }

  /** Kills all at once; a stopped process too. */
  kill(): void {
    for (const child of this.#children) child.kill('SIGKILL');
  }
}
