import type { RecordedWaits } from '@epemu/timeline';
import { ROUNDING_NS } from '../path/gates.js';
import type { KernelLaunches } from '../phases/annotated.js';
import type { FileCollector, RawGpu } from './collector.js';
import { SYNC_KIND } from './sync-events.js';

/** So many streams are waited for at once: those with the latest kernels. */
const MOST_AWAITED = 64;

/** Kernels that are waited for, the last of each stream. */
type Awaited = ReadonlyMap<number, number>;

interface Step {
  readonly ns: number;
  /** Calls are numbered as they are made. */
  readonly correlation: number;
  readonly take: () => void;
}

/**
 * Goes through the calls of a process in their order, as the GPU's streams take them: an event that is recorded stands for
 * what its stream was given before, a stream that waits for it holds up what it is given next, and so does the CPU.
 */
class CallOrder {
  readonly before = new Map<number, readonly number[]>();
  /** Streams that wait for events of which no record is in the file. */
  readonly unknown = new Set<number>();
  readonly untold = new Set<number>();
  /** How many waits of streams led to a kernel. */
  waits = 0;
  readonly #last = new Map<number, number>();
  readonly #pending = new Map<number, Map<number, number>>();
  readonly #events = new Map<number, Awaited>();
  /** By thread: what it has waited for last, and the streams that have been given something since. */
  readonly #hosts = new Map<number, { readonly awaited: Awaited; readonly told: Set<number> }>();
  readonly #starts: Float64Array;
  readonly #ends: Float64Array;
  /** The kernel that ends last of all so far. */
  #latest = -1;

  constructor(starts: Float64Array, ends: Float64Array) {
    this.#starts = starts;
    this.#ends = ends;
  }

  launch(row: number, stream: number, thread: number): void {
    const awaited = [...(this.#pending.get(stream)?.values() ?? [])];
    this.waits += awaited.length;
    const host = this.#hosts.get(thread);
    if (host !== undefined && !host.told.has(stream)) {
      host.told.add(stream);
      awaited.push(...host.awaited.values());
    }
    // What ended later than this began was not waited for, whatever the calls say.
    const ended = awaited.filter((other) => this.#ends[other] <= this.#starts[row] + ROUNDING_NS);
    if (ended.length > 0) this.before.set(row, ended);
    if (this.unknown.delete(stream)) this.untold.add(row);
    this.#pending.delete(stream);
    this.#last.delete(stream);
    this.#last.set(stream, row);
    if (this.#latest < 0 || this.#ends[row] > this.#ends[this.#latest]) this.#latest = row;
  }

  record(event: number, stream: number): void {
    this.#events.set(event, this.#given(stream));
  }

  streamWaits(stream: number, event: number): void {
    const awaited = this.#events.get(event);
    if (awaited === undefined) {
      this.unknown.add(stream);
      return;
    }
    let pending = this.#pending.get(stream);
    if (pending === undefined) this.#pending.set(stream, (pending = new Map<number, number>()));
    for (const [from, row] of awaited) {
      if (from === stream) continue;
      const other = pending.get(from);
      if (other === undefined || this.#starts[row] > this.#starts[other]) pending.set(from, row);
      if (pending.size > MOST_AWAITED) pending.delete(pending.keys().next().value!);
    }
  }

  /** @param endNs when the CPU goes on: what has not ended by then it was told of, and did not wait for. */
  hostWaits(thread: number, kind: number, stream: number, event: number, endNs: number): void {
    let awaited: Awaited = new Map();
    if (kind === SYNC_KIND.event) awaited = this.#events.get(event) ?? awaited;
    else if (kind === SYNC_KIND.stream) awaited = this.#given(stream);
    else if (this.#latest >= 0) awaited = new Map([[-1, this.#latest]]);
    const ended = [...awaited].filter(([, row]) => this.#ends[row] <= endNs + ROUNDING_NS);
    if (ended.length > 0) this.#hosts.set(thread, { awaited: new Map(ended), told: new Set() });
  }

  #given(stream: number): Awaited {
    const given = new Map(this.#pending.get(stream) ?? []);
    const last = this.#last.get(stream);
    if (last !== undefined) given.set(stream, last);
    return given;
  }
}

/**
 * Finds what kernels waited for as the host's calls tell it: events recorded on streams, streams and threads that wait for
 * them (`cuda_sync`). Rows are those of the file's order.
 *
 * @returns undefined where the file has no such calls of this GPU.
 */
export function recordedWaits(
  pid: number | string,
  gpu: RawGpu,
  { waits: { syncs, calls: columns } }: FileCollector,
  launches: KernelLaunches,
): RecordedWaits | undefined {
  const own = syncs.get(pid);
  if (own === undefined || gpu.kernels.count === 0) return undefined;
  const order = new CallOrder(gpu.kernels.column('startNs'), gpu.kernels.column('endNs'));
  const steps: Step[] = [];
  const calls = callsOf(columns);
  const streamIds = gpu.streams.map(Number);
  const column = gpu.kernels.column('stream');
  const correlations = gpu.kernels.column('correlation');
  const shared = new Set<number>();
  const seen = new Set<number>();
  for (const id of correlations) (seen.has(id) ? shared : seen).add(id);
  launches.ns.forEach((ns, row) => {
    // Kernels of a graph wait by its edges, of which no call tells.
    if (Number.isNaN(ns) || shared.has(correlations[row])) order.untold.add(row);
    if (Number.isNaN(ns)) return;
    const take = (): void => {
      order.launch(row, streamIds[column[row]], launches.thread[row]);
    };
    steps.push({ ns, correlation: correlations[row], take });
  });
  const recorded = new Set<number>();
  const [kinds, streams, sources, events] = (['kind', 'stream', 'from', 'event'] as const).map((name) =>
    own.column(name),
  );
  const [ids, starts, ends] = (['correlation', 'startNs', 'endNs'] as const).map((name) => own.column(name));
  kinds.forEach((kind, sync) => {
    const [stream, event] = [streams[sync], events[sync]];
    const record = event < 0 || recorded.has(event) ? undefined : calls.get(event);
    if (record !== undefined) {
      recorded.add(event);
      const from = sources[sync];
      steps.push({
        ns: record.startNs,
        correlation: event,
        take: () => {
          order.record(event, from);
        },
      });
    }
    const call = calls.get(ids[sync]) ?? { startNs: starts[sync], endNs: ends[sync], thread: -1 };
    const take = (): void => {
      if (kind === SYNC_KIND.streamWait) order.streamWaits(stream, event);
      else order.hostWaits(call.thread, kind, stream, event, call.endNs);
    };
    steps.push({ ns: kind === SYNC_KIND.streamWait ? call.startNs : call.endNs, correlation: ids[sync], take });
  });
  steps.sort((a, b) => a.ns - b.ns || a.correlation - b.correlation);
  for (const { take } of steps) take();
  if (order.before.size === 0) return undefined;
  return { before: order.before, untold: order.waits === 0 ? undefined : order.untold };
}

interface SyncCall {
  readonly startNs: number;
  readonly endNs: number;
  readonly thread: number;
}

function callsOf(columns: FileCollector['waits']['calls']): Map<number, SyncCall> {
  const [starts, ends, threads] = (['startNs', 'endNs', 'thread'] as const).map((name) => columns.column(name));
  const calls = new Map<number, SyncCall>();
  columns.column('correlation').forEach((id, row) => {
    calls.set(id, { startNs: starts[row], endNs: ends[row], thread: threads[row] });
  });
  return calls;
}
