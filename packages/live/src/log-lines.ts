import type { PlacedWorker, RunEvent } from '@epemu/cluster';
import { counted } from '@epemu/core';
import { plainText } from '@epemu/pages';
import type { LogLine } from './state.js';

type Line = Pick<LogLine, 'level' | 'text'>;

/** Longest text of a line, characters: what workers say of themselves is bounded by the protocol alone. */
const LONGEST = 400;

/** @returns ascending ranks in words: `rank 3`, `ranks 8 to 15`, `ranks 1, 3 and 5`. */
export function ranksText(ranks: readonly number[]): string {
  if (ranks.length === 1) return `rank ${ranks[0]}`;
  const [first, last] = [ranks[0], ranks[ranks.length - 1]];
  if (last - first === ranks.length - 1) return `ranks ${first} to ${last}`;
  return `ranks ${ranks.slice(0, -1).join(', ')} and ${last}`;
}

function lineOf(event: RunEvent, placed: readonly PlacedWorker[]): Line | undefined {
  const info = (text: string): Line => ({ level: 'info', text });
  const nameOf = (worker: number): string => {
    const { host, pid, ranks } = placed[worker] ?? { host: 'an unknown host', pid: 0, ranks: [] };
    return `worker ${worker} on ${host} (pid ${pid}${ranks.length === 0 ? '' : `, ${ranksText(ranks)}`})`;
  };
  switch (event.type) {
    case 'begun': {
      const { scenario, ranks, layers, fabric } = event.configuration;
      const what = `${scenario}, ${counted(ranks, 'rank')}, ${counted(layers, 'layer')}`;
      return info(`run ${event.runId} begins: ${what}, ${event.external ? 'websocket' : fabric} fabric`);
    }
    case 'listening':
      return info(`workers can join at ${event.url}`);
    case 'joined':
      return info(`a worker on ${event.host} (pid ${event.pid}) joined with ${counted(event.slots, 'slot')}`);
    case 'refused': {
      const { count = 1, reason } = event;
      const who = count === 1 ? 'a worker was' : `${count} workers were`;
      return { level: 'warning', text: `${who} refused: ${reason}` };
    }
    case 'withdrawn':
      return { level: 'warning', text: `the worker on ${event.host} (pid ${event.pid}) left before the run started` };
    case 'placed':
      return info(`ranks are given to ${counted(event.workers.length, 'worker')}`);
    case 'connecting':
      return info('workers connect to each other');
    case 'started':
      return info('ranks start');
    case 'finished':
      return info(`${nameOf(event.worker)} has handed over its timelines`);
    case 'lost':
      return { level: 'error', text: `${nameOf(event.worker)} is lost` };
    case 'failed':
      // A stack trace may follow: run.log has it.
      return { level: 'error', text: event.message.split('\n')[0] };
    case 'merging':
      return info('timelines are merged');
    case 'ended': {
      const { status, error } = event.report;
      if (status === 'failed') return { level: 'error', text: `the run failed: ${error ?? 'no reason is known'}` };
      return info('the run has ended; its report is written');
    }
    case 'moved':
      return undefined;
  }
}

/** @returns an event as a line of the log; undefined for what happens too often. Names are as they may be shown. */
export function logLine(event: RunEvent, placed: readonly PlacedWorker[], atMs: number): LogLine | undefined {
  const line = lineOf(event, placed);
  if (line === undefined) return undefined;
  const text = plainText(line.text);
  return { atMs, level: line.level, text: text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text };
}
