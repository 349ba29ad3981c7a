import { Columns } from '@epemu/core';
import { eventTime } from '@epemu/trace';
import type { TraceEvent } from '@epemu/trace';

/** What waits for what, by the names that Kineto gives it in category `cuda_sync`. */
export const SYNC_KIND = { streamWait: 0, event: 1, stream: 2, context: 3 } as const;
const KIND_BY_NAME: ReadonlyMap<string, number> = new Map([
  ['Stream Wait Event', SYNC_KIND.streamWait],
  ['Event Sync', SYNC_KIND.event],
  ['Stream Sync', SYNC_KIND.stream],
  ['Context Sync', SYNC_KIND.context],
]);
/** Calls that record events, or wait for them, for streams or for all. */
const SYNC_NAME = /EventRecord|WaitEvent|Synchronize|EventQuery/;

/** Waits of a GPU's streams, and of threads for them: `from` is the stream that the event was recorded on, `event` its record. */
export const SYNC_COLUMNS = ['kind', 'stream', 'from', 'event', 'correlation', 'startNs', 'endNs'] as const;
export const SYNC_CALL_COLUMNS = ['correlation', 'startNs', 'endNs', 'thread'] as const;

function idOf(value: unknown): number {
  return typeof value === 'number' && Number.isFinite(value) ? value : -1;
}

/** Keeps of a file what tells how streams and threads waited for each other. */
export class SyncCollector {
  /** By process of a GPU. */
  readonly syncs = new Map<number | string, Columns<(typeof SYNC_COLUMNS)[number]>>();
  readonly calls = new Columns(SYNC_CALL_COLUMNS);

  /** Takes an event of category `cuda_sync`. @param ns turns the file's µs into ns. */
  sync({ name, pid, ts, dur, args = {} }: TraceEvent, ns: (us: number) => number): void {
    const kind = KIND_BY_NAME.get(name);
    const [us, duration] = [eventTime(ts), eventTime(dur) ?? 0];
    if (kind === undefined || us === undefined) return;
    let columns = this.syncs.get(pid);
    if (columns === undefined) this.syncs.set(pid, (columns = new Columns(SYNC_COLUMNS)));
    const [from, event] = [idOf(args.wait_on_stream), idOf(args.wait_on_cuda_event_record_corr_id)];
    const startNs = ns(us);
    const endNs = startNs + Math.round(duration * 1000);
    columns.push(kind, idOf(args.stream), from, event, idOf(args.correlation), startNs, endNs);
  }

  /** @returns whether a call of the host tells who waited for whom. */
  static isCall(name: string): boolean {
    return SYNC_NAME.test(name);
  }

  /** Takes such a call. @param thread its number. */
  call({ ts, dur, args }: TraceEvent, thread: number, ns: (us: number) => number): void {
    const [us, duration] = [eventTime(ts), eventTime(dur) ?? 0];
    const correlation = idOf(args?.correlation);
    if (us === undefined || correlation < 0) return;
    const startNs = ns(us);
    this.calls.push(correlation, startNs, startNs + Math.round(duration * 1000), thread);
  }
}
