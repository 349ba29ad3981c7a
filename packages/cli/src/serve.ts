import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { BadInputError } from '@epemu/core';
import { hostAndPort, isLoopback, parseListenAddress, reachableAddress } from '@epemu/http';
import { DEFAULT_PAGE_ADDRESS, LivePage, pageUrl } from '@epemu/live';
import { Option } from 'commander';
import type { Command } from 'commander';
import { refuseScenario } from './refuse-scenario.js';
import type { RunObserver } from './run-observer.js';
import type { RunFlags } from './run-flags.js';

/** setTimeout's longest, s. */
const MOST_SECONDS = 2_147_483;

/** Adds the flags of the live page. */
export function addServeFlags(command: Command): Command {
  const { host, port } = DEFAULT_PAGE_ADDRESS;
  const address = hostAndPort(host, port);
  return command
    .addOption(
      new Option(
        '--serve [address]',
        `serve a live page of the run, [host:]port (default ${address}); stays until Ctrl-C`,
      ).env('EPEMU_SERVE'),
    )
    .addOption(
      new Option('--serve-for <seconds>', 'how long the page stays after the run has ended; 0: not at all').env(
        'EPEMU_SERVE_FOR',
      ),
    );
}

/** @returns for how long the page stays, s; undefined until it is ended. @throws BadInputError */
function lingerSeconds(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const seconds = Number(text);
  if (text.trim() === '' || !(seconds >= 0 && seconds <= MOST_SECONDS)) {
    throw new BadInputError(
      '--serve-for',
      `--serve-for is ${text}, but it must be seconds, from 0 to ${MOST_SECONDS}; leave it out to serve until Ctrl-C`,
    );
  }
  return seconds;
}

/** Waits for a time, or without one for ever, unless the signal aborts. */
async function stay(seconds: number | undefined, signal: AbortSignal): Promise<void> {
  if (seconds === undefined) await once(signal, 'abort');
  else await delay(seconds * 1000, undefined, { signal }).catch(() => undefined);
}

/** Opens the live page that `--serve` asks for. @throws BadInputError or ListenError */
export async function openLivePage({ serve, serveFor }: RunFlags): Promise<RunObserver | undefined> {
  const seconds = lingerSeconds(serveFor);
  if (serve === undefined) return undefined;
  if (typeof serve === 'string') refuseScenario('--serve', serve, DEFAULT_PAGE_ADDRESS.port);
  const address = serve === true ? DEFAULT_PAGE_ADDRESS : parseListenAddress('--serve', serve, DEFAULT_PAGE_ADDRESS);
  const page = new LivePage('--serve');
  const listening = await page.listen(address);
  const url = pageUrl(reachableAddress(listening));
  const all = isLoopback(listening.host) ? '' : ' (to whoever reaches it: it has no password)';
  process.stderr.write(`live page at ${url}${all}\n`);
  return {
    onEvent: page.onEvent,
    follow: true,
    linger: async (signal) => {
      if (signal.aborted || seconds === 0) return;
      const how = seconds === undefined ? 'Ctrl-C ends it' : `for ${seconds} s, or until Ctrl-C`;
      process.stderr.write(`report, traces and downloads are served at ${url} (${how})\n`);
      await stay(seconds, signal);
    },
    close: () => page.close(),
  };
}
