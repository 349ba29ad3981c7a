import { basename } from 'node:path';

import { idLimit } from '@epemu/schedule';
import type { Operation } from '@epemu/schedule';
import type { RankTimeline, RankView } from '@epemu/timeline';

import {
  microseconds,
  PROCESS_METADATA_EVENTS,
  processMetadata,
  quote,
  SEPARATOR,
  THREAD_METADATA_EVENTS,
  threadMetadata,
} from './json.js';
import { callCount, type LaunchedPhase, launchedPhases, streamExtents } from './launch-order.js';
import type { EventText } from './merged-text.js';
import { CollectiveArgs } from './nccl.js';
import {
  deviceList,
  epemuMetadata,
  gpuLabel,
  gpuPid,
  hostPid,
  idStride,
  NETWORK_TID,
  networkPid,
  operationArgs,
  type TraceStatistics,
} from './run.js';
import type { RunTrace } from './run-trace.js';
import { TraceSink } from './sink.js';
import { type CallTimes, callTimes, SyncCalls } from './sync-calls.js';
import { trackEvents, trackMetadata } from './tracks.js';
import { transferEvents } from './transfers.js';

/** GPU rows come below host rows: PyTorch's own offset. */
const GPU_SORT_OFFSET = 16_777_216;
/** Callback id of cudaGraphLaunch. */
const GRAPH_LAUNCH_CBID = 311;

/** One rank's file while it is written. */
class RankFile {
  events = 0;
  readonly #sink: TraceSink;
  readonly #trace: RunTrace;
  readonly #view: RankView;
  readonly #collectives: CollectiveArgs;
  readonly #phases: readonly LaunchedPhase[];
  /** Whether one call launches all kernels, which then have its correlation. */
  readonly #isGraph: boolean;
  /** How long a call takes that launches a kernel, ns: it is over before the kernel could start. */
  readonly #callNs: number;
  /** How long the CPU is at one kernel, µs. */
  readonly #busy: number;
  readonly #gpu: number;
  readonly #host: number;
  /** Kernels have this plus the number of the call that launches them. */
  readonly #firstId: number;
  readonly #sync: SyncCalls;
  /** By row of the view's kernels. */
  readonly #calls: readonly CallTimes[];
  readonly #callCount: number;

  constructor(sink: TraceSink, trace: RunTrace, timeline: RankTimeline, view: RankView) {
    const { run, facts } = trace;
    this.#sink = sink;
    this.#trace = trace;
    this.#view = view;
    this.#collectives = new CollectiveArgs(run, facts.program, view.rank, timeline.services);
    this.#phases = launchedPhases(view, facts, trace.sync);
    this.#isGraph = facts.program.launch === 'graph';
    this.#callNs = Math.min(run.host.kernelLaunchNs, run.host.launchLatencyNs);
    this.#busy = microseconds(run.host.kernelLaunchNs);
    this.#gpu = gpuPid(view.rank);
    this.#host = hostPid(view.rank);
    this.#firstId = view.rank * idStride(run.ranks);
    const device = view.rank % run.nodeSize;
    this.#sync = new SyncCalls(view, { host: this.#host, gpu: this.#gpu, device, firstId: this.#firstId });
    this.#calls = callTimes(view, this.#phases, this.#callNs);
    this.#callCount = callCount(this.#phases);
  }

  async write(path: string): Promise<void> {
    const { rank, content } = this.#view;
    const { run } = this.#trace;
    const { rdma, nvlink } = content.bytesTo!;
    const metadata = epemuMetadata(run, 'one rank in PyTorch-profiler form', {
      rank,
      ...this.#trace.programMetadata,
      bytesTo: { rdma, nvlink },
    });
    const distributed = `{"backend": "nccl", "rank": ${rank}, "world_size": ${run.ranks}}`;
    this.#sink.put(
      `{\n"schemaVersion": 1,\n"deviceProperties": ${deviceList(run)},\n"distributedInfo": ${distributed},\n` +
        `"displayTimeUnit": "ms",\n"epemu": ${metadata},\n"traceEvents": [\n`,
    );
    this.#metadata();
    this.#step();
    if (this.#isGraph) this.#graphLaunch();
    for (const [place, phase] of this.#phases.entries()) {
      this.#phase(phase, this.#phases[place + 1]);
      if (this.#sink.full) await this.#sink.flush();
    }
    this.#transfers();
    if (run.tracks === true) this.#put(trackEvents(this.#view, this.#gpu, { joinNs: 0 }));
    this.events += this.#sync.events;
    this.#sink.put(`\n],\n"traceName": ${quote(basename(path))}\n}\n`);
  }

  #metadata(): void {
    const { rank, content } = this.#view;
    const { run, facts } = this.#trace;
    const device = rank % run.nodeSize;
    let text = processMetadata(this.#host, 'python3', 'CPU', this.#host);
    text += threadMetadata(this.#host, this.#host, `thread ${this.#host} (python3)`, this.#host);
    text += SEPARATOR + processMetadata(this.#gpu, 'python3', gpuLabel(run, rank), GPU_SORT_OFFSET + device);
    for (const { id } of facts.program.streams) text += threadMetadata(this.#gpu, id, `stream ${id} `, id);
    this.events += 2 * PROCESS_METADATA_EVENTS + (1 + facts.program.streams.length) * THREAD_METADATA_EVENTS;
    if (this.#phases.some(({ kernels }) => kernels.some(({ sync }) => sync.isPolled))) {
      text += this.#sync.metadata();
      this.events += THREAD_METADATA_EVENTS;
    }
    if (content.transfers.length > 0) {
      const pid = networkPid(rank);
      text += SEPARATOR + processMetadata(pid, 'network', 'background transfers', GPU_SORT_OFFSET * 2);
      text += threadMetadata(pid, NETWORK_TID, 'network', NETWORK_TID);
      this.events += PROCESS_METADATA_EVENTS + THREAD_METADATA_EVENTS;
    }
    this.#sink.put(text);
    if (run.tracks === true) this.#put(trackMetadata(this.#gpu));
  }

  #put({ text, count }: EventText): void {
    this.#sink.put(text);
    this.events += count;
  }

  /** The one profiler step: analysers assign kernels to steps through it. */
  #step(): void {
    const { count, launchNs, startNs, endNs } = this.#view.content.kernels;
    let [first, last] = [count === 0 ? 0 : Number.POSITIVE_INFINITY, 0];
    for (let row = 0; row < count; row++) {
      first = Math.min(first, launchNs[row], startNs[row]);
      last = Math.max(last, launchNs[row] + this.#callNs, endNs[row]);
    }
    this.#annotation('ProfilerStep#1', microseconds(first), microseconds(last), this.#annotationId(-1));
  }

  /** Annotations are numbered after the calls. */
  #annotationId(operation: number): number {
    return this.#firstId + this.#callCount + 2 + operation;
  }

  #annotation(name: string, start: number, end: number, id: number): void {
    this.#sink.put(
      `${SEPARATOR}{"ph":"X","cat":"user_annotation","name":${quote(name)},"pid":${this.#host},"tid":${this.#host},` +
        `"ts":${start},"dur":${end - start},"args":{"External id":${id},"Ev Idx":${id - this.#annotationId(-1)}}}`,
    );
    this.events++;
  }

  /** The CPU's work on a phase, the framework's share of it too: what analysers take for the cause of its calls. */
  #operator(phase: string, start: number, end: number, annotation: number): void {
    const id = annotation + idLimit(this.#trace.facts.program);
    this.#sink.put(
      `${SEPARATOR}{"ph":"X","cat":"cpu_op","name":${quote(`epemu::${phase}`)},"pid":${this.#host},"tid":${this.#host},` +
        `"ts":${start},"dur":${end - start},"args":{"External id":${id}}}`,
    );
    this.events++;
  }

  /** A call that launches, and the begin of the arrow to what it launches. */
  #launch(name: string, cbid: number, id: number, ts: number, dur: number): string {
    const host = `"pid":${this.#host},"tid":${this.#host},"ts":${ts}`;
    this.events += 2;
    return (
      `,\n{"ph":"X","cat":"cuda_runtime","name":"${name}",${host},"dur":${dur},` +
      `"args":{"External id":${id},"cbid":${cbid},"correlation":${id}}}` +
      `,\n{"ph":"s","id":${id},${host},"cat":"ac2g","name":"ac2g"}`
    );
  }

  /** A captured graph is launched at once; its kernels have the correlation of that one call, as CUPTI has it. */
  #graphLaunch(): void {
    const { count, launchNs } = this.#view.content.kernels;
    if (count === 0) return;
    this.#sink.put(this.#launch('cudaGraphLaunch', GRAPH_LAUNCH_CBID, this.#firstId + 1, microseconds(launchNs[0]), 0));
  }

  /** One phase: its annotation on the host, the calls in it, its extent on each stream, its kernels, their flows. */
  #phase(phase: LaunchedPhase, next: LaunchedPhase | undefined): void {
    const { operation, instance, kernels } = phase;
    const id = this.#annotationId(operation.id);
    if (!this.#isGraph) {
      const [first, last] = [kernels[0], kernels[kernels.length - 1]].map(({ row }) => this.#calls[row]);
      this.#annotation(operation.phase, first.waits, last.end, id);
      const until = next === undefined ? last.end : this.#calls[next.kernels[0].row].waits;
      this.#operator(operation.phase, first.waits, Math.max(last.end, Math.min(until, last.launch + this.#busy)), id);
    }
    let text = '';
    for (const { stream, start, end } of streamExtents(this.#view, instance)) {
      text +=
        `${SEPARATOR}{"ph":"X","cat":"gpu_user_annotation","name":${quote(operation.phase)},"pid":${this.#gpu},` +
        `"tid":${stream},"ts":${start},"dur":${end - start},"args":{"External id":${id}}}`;
      this.events++;
    }
    this.#sink.put(text);
    this.#kernels(phase);
  }

  #kernels({ operation, kernels: launched }: LaunchedPhase): void {
    const { rank, content } = this.#view;
    const { kernels, streams } = content;
    const device = rank % this.#trace.run.nodeSize;
    const gpu = `"pid":${this.#gpu},"tid":`;
    const exact = `${operationArgs(operation, true)},"kernel":`;
    let text = '';
    for (const item of launched) {
      const { row, call } = item;
      const kernel = kernels.kernel[row];
      const { id: stream } = streams[kernels.stream[row]];
      const { head, shape, isKernel, launch, cbid } = this.#trace.texts[kernel];
      const id = this.#firstId + (this.#isGraph ? 1 : call);
      const start = microseconds(kernels.startNs[row]);
      const calls = this.#calls[row];
      if (!this.#isGraph) {
        text += this.#sync.before(item, calls);
        text += this.#launch(launch, cbid, id, calls.launch, calls.launchEnd - calls.launch);
      }
      text +=
        `,\n${head}${gpu}${stream},"ts":${start},"dur":${microseconds(kernels.endNs[row]) - start},` +
        `"args":{"External id":${id},${isKernel ? '"queued":0,' : ''}"device":${device},"context":1,"stream":${stream},` +
        `"correlation":${id}${shape}${this.#collectiveArgs(operation, kernel)},${exact}${kernel},` +
        `"launch ns":${kernels.launchNs[row]},"start ns":${kernels.startNs[row]},"end ns":${kernels.endNs[row]}}}` +
        `,\n{"ph":"f","id":${id},${gpu}${stream},"ts":${start},"cat":"ac2g","name":"ac2g","bp":"e"}` +
        this.#sync.behind(operation.id, item, calls);
    }
    this.#sink.put(text);
    this.events += 2 * launched.length;
  }

  /** @param kernel index of its identity. */
  #collectiveArgs(operation: Operation, kernel: number): string {
    const role = this.#trace.facts.identities[kernel].collective?.role;
    if (role === undefined || role === 'layout') return '';
    return role === 'notify' ? this.#collectives.notify(operation) : this.#collectives.transfer(operation);
  }

  /** Background transfers: async events, for they overlap kernels and each other, and hold no SM. */
  #transfers(): void {
    const { rank, content } = this.#view;
    const track = `"pid":${networkPid(rank)},"tid":${NETWORK_TID},"ts":`;
    this.#sink.put(transferEvents(this.#view, this.#trace.facts, track, this.#firstId));
    this.events += 2 * content.transfers.length;
  }
}

/**
 * Writes one rank's timeline as a PyTorch-profiler file: what HTA, TensorBoard and other analysers expect.
 *
 * @param path the file; packed when it ends in `.gz`.
 * @param view of the timeline.
 */
export async function writeRankTrace(
  path: string,
  trace: RunTrace,
  timeline: RankTimeline,
  view = trace.view(timeline),
): Promise<TraceStatistics> {
  return TraceSink.write(path, async (sink) => {
    const file = new RankFile(sink, trace, timeline, view);
    await file.write(path);
    const bytesWritten = await sink.close();
    return { events: file.events, bytesUnpacked: sink.bytesUnpacked, bytesWritten };
  });
}
