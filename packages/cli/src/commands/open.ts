import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { rankFileName } from '@epemu/outputs';
import { BadInputError, EpemuError, messageOf } from '@epemu/core';
import { serveTraceOnce } from '@epemu/live';
import type { ServedTrace } from '@epemu/live';
import { readTraceBatches } from '@epemu/trace';
import type { Command } from 'commander';
import { abortOnSignals } from '../interrupt.js';
import { wholeNumber } from '../whole-number.js';

interface OpenFlags {
  readonly rank?: string;
  readonly hostTrace?: boolean;
  readonly browser: boolean;
  readonly timeout: string;
  readonly json?: boolean;
}

/** Thrown when nobody has fetched the trace in time. */
class NotFetchedError extends EpemuError {}

const MOST_RANK = 65_535;

/** @returns the trace that is meant. @throws BadInputError where there is none. */
function traceFile(path: string, { rank, hostTrace }: OpenFlags): string {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat === undefined) throw new BadInputError('run', `there is no ${path}; name a run's folder or a trace file`);
  if (rank !== undefined && hostTrace === true) {
    throw new BadInputError('--rank', '--rank and --host-trace name two traces; give one of them');
  }
  if (!stat.isDirectory()) {
    if (rank === undefined && hostTrace !== true) return path;
    const flag = rank === undefined ? '--host-trace' : '--rank';
    throw new BadInputError(flag, `${flag} chooses a trace of a run's folder, but ${path} is a file; leave it out`);
  }
  if (!existsSync(join(path, 'config.json'))) {
    throw new BadInputError('run', `${path} is no run's folder (it has no config.json); name one, or a trace file`);
  }
  const name =
    rank === undefined
      ? hostTrace === true
        ? 'host-trace.json.gz'
        : 'trace.json.gz'
      : rankFileName(wholeNumber('--rank', rank, 0, MOST_RANK));
  const file = join(path, name);
  if (existsSync(file)) return file;
  throw new BadInputError('run', `the run in ${path} left no ${name}; choose another trace, or run it again`);
}

/** Refuses what is no trace before a browser is opened for it; its first events are enough. @throws BadInputError */
async function checkTrace(file: string): Promise<void> {
  for await (const events of readTraceBatches(file)) if (events.length > 0) return;
  throw new BadInputError(file, `${file} has no events; give a Chrome or PyTorch-profiler trace that has some`);
}

/** Waits until the trace was fetched. @throws NotFetchedError after `seconds`, or the signal's reason. */
async function untilFetched({ fetched }: ServedTrace, seconds: number, signal: AbortSignal): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  try {
    await Promise.race([
      fetched,
      new Promise<never>((_, reject) => {
        timer = setTimeout(() => {
          const remedy = 'open the address in a browser on this machine, or raise --timeout';
          reject(new NotFetchedError(`nobody fetched the trace within ${seconds} s; ${remedy}`));
        }, seconds * 1000);
        signal.addEventListener('abort', () => {
          reject(signal.reason as Error);
        });
      }),
    ]);
  } finally {
    clearTimeout(timer);
  }
}

/** Opens an address in the browser; where there is none, whoever reads the address may have one elsewhere. */
async function openBrowser(url: string): Promise<void> {
  // Needed by this command alone, and then a moment before it waits for people.
  const { default: open } = await import('open');
  try {
    const browser = await open(url);
    browser.on('error', () => undefined);
  } catch (error) {
    process.stderr.write(`no browser could be opened (${messageOf(error)}); open the address above in one\n`);
  }
}

/** Adds `epemu open`. */
export function addOpenCommand(program: Command): void {
  program
    .command('open')
    .description("show a run's trace, or any trace, in Perfetto; the file goes from this machine to its browser only")
    .argument('<run>', "a run's folder, or a trace file")
    .option('--rank <n>', "this rank's own trace instead of the merged one")
    .option('--host-trace', 'what the processes really did instead of the emulated timeline')
    .option('--no-browser', 'print the address and open no browser')
    .option('--timeout <seconds>', 'how long to wait until the trace was fetched', '300')
    .option('--json', 'print address and file as JSON')
    .addHelpText(
      'after',
      `
Perfetto's page fetches the file from 127.0.0.1:9001, the only local address that it may fetch from.

Examples:
  epemu open runs/20260102-030405-decode-a1b2c3
  epemu open runs/20260102-030405-decode-a1b2c3 --rank 5
  epemu open captured.pt.trace.json.gz --no-browser`,
    )
    .action(async (path: string, flags: OpenFlags) => {
      const seconds = wholeNumber('--timeout', flags.timeout, 1, 86_400);
      const file = traceFile(path, flags);
      await checkTrace(file);
      const { signal } = abortOnSignals();
      const served = await serveTraceOnce(file);
      try {
        const { url } = served;
        process.stdout.write(flags.json === true ? `${JSON.stringify({ url, file })}\n` : `${url}\n`);
        if (flags.browser) await openBrowser(url);
        await untilFetched(served, seconds, signal);
      } finally {
        await served.close();
      }
    });
}
