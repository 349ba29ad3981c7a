import { spawn } from 'node:child_process';
import { findCommand } from '@epemu/cluster';
import './machine.js';

/** Shells that complete, and how each starts on a terminal with nothing of the user's. */
const STARTS = {
  bash: { command: 'bash --noprofile --norc -i', setUp: (script: string) => `PS1='ready> '; source ${script}` },
  zsh: {
    command: 'zsh -f -i',
    setUp: (script: string) => `PS1='ready> '; autoload -Uz compinit; compinit -u -D; source ${script}`,
  },
  fish: {
    command: 'fish --no-config -i',
    setUp: (script: string) => `function fish_prompt; echo 'ready> '; end; source ${script}`,
  },
} as const;

export type Shell = keyof typeof STARTS;

/** @returns whether the machine has a shell, and `script`, which gives it a terminal. */
export function hasShell(shell: Shell): boolean {
  return findCommand(shell) !== undefined && findCommand('script') !== undefined;
}

/**
 * Types texts into an interactive shell on a terminal of its own, a tab and Enter after each.
 * @returns what command each of them called: its arguments as the shell passed them.
 */
export async function typed(shell: Shell, script: string, texts: readonly string[], cwd: string): Promise<string[]> {
  const { command, setUp } = STARTS[shell];
  const child = spawn('script', ['-qfec', command, '/dev/null'], {
    cwd,
    stdio: ['pipe', 'pipe', 'ignore'],
    env: { PATH: process.env['PATH'] ?? '', HOME: cwd, TERM: 'dumb', LC_ALL: 'C.UTF-8' },
  });
  let output = '';
  let look = (): void => undefined;
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
    look();
  });
  const ended = new Promise<void>((resolve) => child.once('close', resolve));
  const seen = (pattern: RegExp): Promise<RegExpExecArray> =>
    new Promise((resolve, reject) => {
      look = () => {
        const match = pattern.exec(output);
        if (match === null) return;
        output = output.slice(match.index + match[0].length);
        resolve(match);
      };
      look();
      void ended.then(() => {
        reject(new Error(`${shell} ended without ${String(pattern)}: ${output}`));
      });
    });
  // A command of this name that shows what it was called with; the shell's echo has no such line.
  const called = shell === 'fish' ? 'function epemu; echo called: "$argv"; end' : 'epemu() { echo "called: $*"; }';
  child.stdin.write(`${called}; ${setUp(script)}; echo set''up\n`);
  const results: string[] = [];
  try {
    await seen(/^setup\r?$/m);
    for (const text of texts) {
      await seen(/ready> /);
      child.stdin.write(`${text}\t\n`);
      const [, got] = await seen(/called: (.*?)\r?\n/);
      results.push(got.trim());
    }
  } finally {
    child.stdin.end('exit\n');
    child.kill();
    await ended;
  }
  return results;
}
