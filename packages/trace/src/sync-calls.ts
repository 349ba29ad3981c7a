import type { RankView } from '@epemu/timeline';

import { microseconds, SEPARATOR, threadMetadata } from './json.js';
import type { LaunchedKernel, LaunchedPhase } from './launch-order.js';

/** Callback ids of the runtime's calls, as CUPTI numbers them. */
const CBID = { cudaEventRecord: 135, cudaEventSynchronize: 137, cudaStreamWaitEvent: 147 } as const;
/** Row of what concerns no stream. */
const DEVICE_TID = -1;

/** When the CPU calls what belongs to a kernel's launch, µs. */
export interface CallTimes {
  /** The first of the waits before the launch, and how long each takes. */
  readonly waits: number;
  readonly waitDur: number;
  readonly launch: number;
  readonly launchEnd: number;
  /** End of what follows the launch: of recording an event, and of waiting for it. */
  readonly recordEnd: number;
  readonly end: number;
}

/** An event that was recorded behind a kernel. */
interface RecordedEvent {
  readonly correlation: number;
  readonly id: number;
  readonly stream: string;
  readonly endNs: number;
}

/**
 * Puts the calls that make streams and CPU wait between the launches, which stay when they were: records right behind
 * the launch of what is waited for, waits right before that of what waits. The launching call is cut short where it
 * would leave them no time.
 *
 * @param callNs how long a launching call takes.
 * @returns by row of the view's kernels.
 */
export function callTimes({ content }: RankView, phases: readonly LaunchedPhase[], callNs: number): CallTimes[] {
  const { launchNs, endNs, count } = content.kernels;
  const times = new Array<CallTimes>(count);
  const kernels = phases.flatMap((phase) => phase.kernels);
  let [waits, waitDur] = [0, 0];
  kernels.forEach(({ row, sync }, place) => {
    const launch = microseconds(launchNs[row]);
    const own = { waits: place === 0 ? launch : waits, waitDur, launch };
    const next = kernels[place + 1];
    const records = sync.isRecorded ? 1 : 0;
    const needed = records + (next?.sync.waits.length ?? 0);
    const until = next === undefined ? Number.POSITIVE_INFINITY : microseconds(launchNs[next.row]);
    const launchEnd = Math.min(microseconds(launchNs[row] + callNs), Math.max(launch, until - needed));
    waitDur = until - launchEnd >= needed ? 1 : 0;
    const recordEnd = launchEnd + records * waitDur;
    waits = until - (needed - records) * waitDur;
    const polled = next === undefined ? Math.max(recordEnd, microseconds(endNs[row])) : waits;
    times[row] = { ...own, launchEnd, recordEnd, end: sync.isPolled ? polled : recordEnd };
  });
  return times;
}

/** Writes the calls that make streams and CPU wait, and what a GPU's rows show of them, as Kineto does. */
export class SyncCalls {
  events = 0;
  readonly #view: RankView;
  readonly #host: string;
  readonly #gpu: number;
  readonly #device: number;
  readonly #firstId: number;
  readonly #recorded = new Map<string, RecordedEvent>();

  /** @param rows of the rank: process (and thread) of its host, process of its GPU; correlations have `firstId` plus the call. */
  constructor(view: RankView, rows: { host: number; gpu: number; device: number; firstId: number }) {
    this.#view = view;
    this.#host = `"pid":${rows.host},"tid":${rows.host},"ts":`;
    this.#gpu = rows.gpu;
    this.#device = rows.device;
    this.#firstId = rows.firstId;
  }

  /** @returns the name of the row that waits of the CPU are on. */
  metadata(): string {
    return threadMetadata(this.#gpu, DEVICE_TID, `Device ${this.#device}`, DEVICE_TID);
  }

  /** @returns what comes before the launch of a kernel; of events that were not recorded nothing is waited for. */
  before({ row, sync, call }: LaunchedKernel, { waits, waitDur }: CallTimes): string {
    const { content } = this.#view;
    const { id: stream } = content.streams[content.kernels.stream[row]];
    const events = sync.waits.flatMap(({ operation, index }) => this.#recorded.get(`${operation}:${index}`) ?? []);
    // Analysers keep the last wait before a kernel: the one that is over last.
    events.sort((a, b) => a.endNs - b.endNs || a.id - b.id);
    let text = '';
    events.forEach((event, place) => {
      const id = this.#firstId + call - events.length + place;
      const ts = waits + place * waitDur;
      text +=
        this.#call('cudaStreamWaitEvent', id, ts, waitDur) +
        this.#sync('Stream Wait Event', id, event, stream, ts, waitDur);
    });
    return text;
  }

  /** @returns what comes behind the launch of a kernel. */
  behind(operation: number, kernel: LaunchedKernel, { launchEnd, recordEnd, end }: CallTimes): string {
    const { row, index, sync, call } = kernel;
    if (!sync.isRecorded) return '';
    const { kernels, streams } = this.#view.content;
    const correlation = this.#firstId + call + 1;
    const { id: stream } = streams[kernels.stream[row]];
    const event = { correlation, id: this.#recorded.size + 1, stream, endNs: kernels.endNs[row] };
    this.#recorded.set(`${operation}:${index}`, event);
    const record = this.#call('cudaEventRecord', correlation, launchEnd, recordEnd - launchEnd);
    if (!sync.isPolled) return record;
    const dur = end - recordEnd;
    return (
      record +
      this.#call('cudaEventSynchronize', correlation + 1, recordEnd, dur) +
      this.#sync('Event Sync', correlation + 1, event, String(DEVICE_TID), recordEnd, dur)
    );
  }

  #call(name: keyof typeof CBID, id: number, ts: number, dur: number): string {
    this.events++;
    return (
      `${SEPARATOR}{"ph":"X","cat":"cuda_runtime","name":"${name}",${this.#host}${ts},"dur":${dur},` +
      `"args":{"External id":${id},"cbid":${CBID[name]},"correlation":${id}}}`
    );
  }

  #sync(kind: string, id: number, event: RecordedEvent, stream: string, ts: number, dur: number): string {
    this.events++;
    return (
      `${SEPARATOR}{"ph":"X","cat":"cuda_sync","name":"${kind}","pid":${this.#gpu},"tid":${stream},"ts":${ts},"dur":${dur},` +
      `"args":{"External id":${id},"cuda_sync_kind":"${kind}","wait_on_stream":${event.stream},` +
      `"wait_on_cuda_event_record_corr_id":${event.correlation},"wait_on_cuda_event_id":${event.id},` +
      `"stream":${stream},"correlation":${id},"device":${this.#device},"context":1}}`
    );
  }
}
