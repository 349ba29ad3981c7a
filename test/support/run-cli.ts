import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** The command line's entry, from dist-test/support. */
export const CLI_ENTRY = fileURLToPath(new URL('../../packages/cli/bin/epemu.js', import.meta.url));

/** Variables that configure epemu, or by which a launcher of these tests would seem to be one of their workers'. */
const OF_OTHERS = /^(EPEMU_|SLURM_|OMPI_|PMI_|(LOCAL_)?RANK$|WORLD_SIZE$|JOB_COMPLETION_INDEX$)/;

/** How a command ended. */
export interface CliEnd {
  /** Exit code; null when a signal ended it. */
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A command that is running. */
export class CliProcess {
  readonly #child: ChildProcess;
  #stdout = '';
  #stderr = '';
  readonly #watchers = new Set<() => void>();
  /** Settles when the process has ended and its output is read. */
  readonly end: Promise<CliEnd>;

  constructor(args: readonly string[], environment: Readonly<Record<string, string>> = {}, cwd?: string) {
    const inherited = Object.entries(process.env).filter(([name]) => !OF_OTHERS.test(name));
    this.#child = spawn(process.execPath, [CLI_ENTRY, ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...Object.fromEntries(inherited), ...environment },
      ...(cwd === undefined ? {} : { cwd }),
    });
    this.#child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.#stdout += text;
      for (const watcher of this.#watchers) watcher();
    });
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr += text;
      for (const watcher of this.#watchers) watcher();
    });
    this.end = new Promise((resolve) => {
      this.#child.once('close', (code, signal) => {
        resolve({ code, signal, stdout: this.#stdout, stderr: this.#stderr });
        for (const watcher of this.#watchers) watcher();
      });
    });
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** Whether the process is gone. */
  get ended(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** Waits until standard error matches. @returns the match. @throws when the process ends without. */
  stderrMatch(pattern: RegExp): Promise<RegExpExecArray> {
    return this.#match('stderr', pattern, () => this.#stderr);
  }

  /** Waits until standard output matches. @returns the match. @throws when the process ends without. */
  stdoutMatch(pattern: RegExp): Promise<RegExpExecArray> {
    return this.#match('stdout', pattern, () => this.#stdout);
  }

  #match(name: string, pattern: RegExp, textOf: () => string): Promise<RegExpExecArray> {
    return new Promise((resolve, reject) => {
      const look = (): void => {
        const match = pattern.exec(textOf());
        if (match !== null) {
          this.#watchers.delete(look);
          resolve(match);
        } else if (this.ended) {
          reject(new Error(`the command ended without ${String(pattern)} on ${name}: ${this.#stderr}`));
        }
      };
      this.#watchers.add(look);
      look();
    });
  }
}

/** Runs a command to its end. */
export function runCli(
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
  cwd?: string,
): Promise<CliEnd> {
  return new CliProcess(args, environment, cwd).end;
}

/** Kills commands that a test has left running, and waits for their end. */
export async function endAll(commands: CliProcess[]): Promise<void> {
  for (const command of commands.splice(0)) {
    command.kill('SIGKILL');
    await command.end;
  }
}
