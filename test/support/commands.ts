import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import './machine.js';
import type { CliEnd } from './run-cli.js';

/** The project's folder, from dist-test/support. */
export const PROJECT = fileURLToPath(new URL('../..', import.meta.url));

/** Where npm links the project's commands. */
export const BIN = join(PROJECT, 'node_modules', '.bin');

/**
 * @returns a script that starts what tests can use (`up`) and tells where it is (`env`), where there is such a script:
 * at the place that an environment variable names, or a conventional one.
 */
export function labScript(variable: string, folder: string): string | undefined {
  const path = process.env[variable] ?? join(PROJECT, '..', 'shared', folder, 'lab');
  return existsSync(path) ? path : undefined;
}

/** Runs a command of the machine to its end, with `epemu` on its PATH. */
export function runCommand(
  command: string,
  args: readonly string[],
  environment: Readonly<Record<string, string | undefined>> = {},
  cwd: string = PROJECT,
): Promise<CliEnd> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, PATH: `${BIN}${delimiter}${process.env['PATH'] ?? ''}`, ...environment },
    });
    let [stdout, stderr] = ['', ''];
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    child.once('error', reject);
    child.once('close', (code, signal) => {
      resolve({ code, signal, stdout, stderr });
    });
  });
}
