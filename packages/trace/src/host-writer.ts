import type { Columns } from '@epemu/core';

import {
  microseconds,
  PROCESS_METADATA_EVENTS,
  processMetadata,
  THREAD_METADATA_EVENTS,
  threadMetadata,
} from './json.js';
import { epemuMetadata, type RunDescription, type TraceStatistics } from './run.js';
import { TraceSink } from './sink.js';

/** Kinds of host events, the `kind` column. */
export const HOST_KIND = { send: 0, receive: 1, task: 2 } as const;
export const HOST_EVENT_COLUMNS = ['kind', 'startNs', 'endNs', 'thread', 'bytes', 'detail'] as const;
export type HostEventColumns = Columns<(typeof HOST_EVENT_COLUMNS)[number]>;

/** What compute threads do; `detail` of a task is an index into this list. */
export const HOST_TASK_KINDS: readonly string[] = [
  'route',
  'expert forward',
  'expert backward',
  'residual forward',
  'residual backward',
  'initialise',
  'check',
];

/** What one worker process did, by its own clock. */
export interface HostEvents {
  readonly worker: number;
  readonly pid: number;
  readonly host: string;
  /** The ranks that it holds, ascending. */
  readonly ranks: readonly number[];
  /** What brings its clock onto the coordinator's, ns. */
  readonly offsetNs: number;
  /**
   * `detail` is the peer worker of a frame or the kind of a task; `thread` is Node's id of the worker thread that did
   * the task, 0 for frames.
   */
  readonly events: HostEventColumns;
}

/** Options of {@link writeHostTrace}. */
export interface HostTraceOptions {
  /**
   * The trace's time 0 on the coordinator's clock. Without it workers are gathered first to find the earliest event,
   * 48 bytes of memory an event.
   */
  readonly originNs?: number;
}

/** A kind of row has this many at most, for frames that are under way at once; beyond it times are drawn later. */
const LANES = 4;
const SENDS_TID = 1;
const RECEIVES_TID = 1 + LANES;
const COMPUTE_TID = 1 + 2 * LANES;

interface Lane {
  readonly tid: number;
  /** Until when it is taken, µs. */
  end: number;
}

/** Rows of one worker: events that overlap get rows of their own, for those of one row must nest. */
class WorkerRows {
  readonly #groups = new Map<number, Lane[]>();

  /** @returns the lane and the time from which it is free. */
  place(first: number, lanes: number, start: number, end: number): { tid: number; start: number; end: number } {
    let group = this.#groups.get(first);
    if (group === undefined) this.#groups.set(first, (group = []));
    let lane = group.find((candidate) => candidate.end <= start);
    if (lane === undefined && group.length < lanes) group.push((lane = { tid: first + group.length, end: start }));
    lane ??= group.reduce((earliest, candidate) => (candidate.end < earliest.end ? candidate : earliest));
    const from = Math.max(start, lane.end);
    lane.end = Math.max(from, end);
    return { tid: lane.tid, start: from, end: lane.end };
  }

  /** The rows in use. */
  *tids(): Generator<number> {
    for (const group of this.#groups.values()) for (const { tid } of group) yield tid;
  }
}

function rowName(tid: number): string {
  if (tid >= COMPUTE_TID) return `compute thread ${tid - COMPUTE_TID}`;
  const [name, first] = tid >= RECEIVES_TID ? ['receives', RECEIVES_TID] : ['sends', SENDS_TID];
  return `event loop ${name}${tid === first ? '' : ` (${tid - first + 1})`}`;
}

function workerName({ worker, ranks, pid, host }: HostEvents): string {
  const consecutive = ranks.length > 1 && ranks.at(-1)! - ranks[0] === ranks.length - 1;
  const held = consecutive
    ? `ranks ${ranks[0]}–${ranks.at(-1)!}`
    : `rank${ranks.length === 1 ? '' : 's'} ${ranks.join(', ')}`;
  return `worker ${String(worker).padStart(2, '0')} (${held}, pid ${pid}, ${host})`;
}

function earliest({ events, offsetNs }: HostEvents): number {
  let least = Number.MAX_SAFE_INTEGER;
  for (const start of events.column('startNs')) if (start < least) least = start;
  return events.count === 0 ? least : least + offsetNs;
}

/** Row numbers by start, then end, longest last; events come in order of their ends. */
function byStart(events: HostEventColumns): Uint32Array {
  const starts = events.column('startNs');
  const order = new Uint32Array(events.count);
  for (let i = 0; i < order.length; i++) order[i] = i;
  return order.sort((a, b) => starts[a] - starts[b] || a - b);
}

async function writeWorker(sink: TraceSink, worker: HostEvents, originNs: number, first: boolean): Promise<number> {
  const { events, offsetNs } = worker;
  // Pids of different machines may be equal; worker numbers are not.
  const pid = 1 + worker.worker;
  sink.put((first ? '' : ',\n') + processMetadata(pid, workerName(worker), worker.host, worker.worker));
  const kinds = events.column('kind');
  const starts = events.column('startNs');
  const ends = events.column('endNs');
  const threads = events.column('thread');
  const bytes = events.column('bytes');
  const details = events.column('detail');
  const rows = new WorkerRows();
  for (const row of byStart(events)) {
    const kind = kinds[row];
    const startNs = starts[row] + offsetNs;
    const endNs = ends[row] + offsetNs;
    const start = Math.max(0, microseconds(startNs - originNs));
    const end = Math.max(start, microseconds(endNs - originNs));
    let name: string;
    let place: { tid: number; start: number; end: number };
    if (kind === HOST_KIND.task) {
      name = HOST_TASK_KINDS[details[row]] ?? `task ${details[row]}`;
      place = rows.place(COMPUTE_TID + threads[row], 1, start, end);
    } else {
      const sends = kind === HOST_KIND.send;
      name = sends ? `send to worker ${details[row]}` : `receive from worker ${details[row]}`;
      place = rows.place(sends ? SENDS_TID : RECEIVES_TID, LANES, start, end);
    }
    sink.put(
      `,\n{"ph":"X","cat":"host","name":"${name}","pid":${pid},"tid":${place.tid},"ts":${place.start},` +
        `"dur":${place.end - place.start},"args":{"bytes":${bytes[row]},"start ns":${startNs},"end ns":${endNs}}}`,
    );
    if (sink.full) await sink.flush();
  }
  let threadsNamed = 0;
  for (const tid of rows.tids()) {
    sink.put(threadMetadata(pid, tid, rowName(tid), tid));
    threadsNamed++;
  }
  return PROCESS_METADATA_EVENTS + events.count + threadsNamed * THREAD_METADATA_EVENTS;
}

/**
 * Writes what the processes really did, aligned: a process per worker, rows for its event loop's sends and receives
 * and for each compute thread. Times are µs since the earliest event; the exact ones, on the coordinator's clock, are
 * in args.
 */
export async function writeHostTrace(
  path: string,
  run: RunDescription,
  workers: AsyncIterable<HostEvents> | Iterable<HostEvents>,
  options: HostTraceOptions = {},
): Promise<TraceStatistics> {
  let source = workers;
  let { originNs } = options;
  if (originNs === undefined) {
    const gathered: HostEvents[] = [];
    for await (const worker of workers) gathered.push(worker);
    originNs = gathered.reduce((least, worker) => Math.min(least, earliest(worker)), Number.MAX_SAFE_INTEGER);
    source = gathered;
  }
  const timeOrigin = originNs;
  return TraceSink.write(path, async (sink) => {
    const metadata = epemuMetadata(run, 'what the processes did, host time');
    sink.put(`{\n"schemaVersion": 1,\n"displayTimeUnit": "ms",\n"epemu": ${metadata},\n"traceEvents": [\n`);
    let events = 0;
    for await (const worker of source) events += await writeWorker(sink, worker, timeOrigin, events === 0);
    sink.put(`\n],\n"traceName": "host-trace.json"\n}\n`);
    const bytesWritten = await sink.close();
    return { events, bytesUnpacked: sink.bytesUnpacked, bytesWritten };
  });
}
