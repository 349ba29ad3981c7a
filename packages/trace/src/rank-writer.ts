import { basename } from 'node:path';

import type { Operation, Program } from '@epemu/schedule';
import type { RankTimeline } from '@epemu/timeline';

import {
  microseconds,
  PROCESS_METADATA_EVENTS,
  processMetadata,
  quote,
  SEPARATOR,
  THREAD_METADATA_EVENTS,
  threadMetadata,
} from './json.js';
import { withKernelNames } from './kernel-naming.js';
import { kernelText, type KernelText } from './kernel-text.js';
import { type HostLaunches, hostLaunches, launchOrder, operationRanges, streamExtents } from './launch.js';
import { bytesTo } from './link-bytes.js';
import { CollectiveArgs } from './nccl.js';
import { programMetadata } from './program-metadata.js';
import {
  deviceList,
  epemuMetadata,
  gpuPid,
  hostPid,
  idStride,
  NETWORK_TID,
  networkPid,
  operationArgs,
  operationsById,
  type RunDescription,
  smsOf,
  type TraceStatistics,
} from './run.js';
import { TraceSink } from './sink.js';
import { windowEvents } from './windows.js';

/** GPU rows come below host rows: PyTorch's own offset. */
const GPU_SORT_OFFSET = 16_777_216;

/** One rank's file while it is written. */
class RankFile {
  events = 0;
  readonly #sink: TraceSink;
  readonly #run: RunDescription;
  readonly #program: Program;
  readonly #timeline: RankTimeline;
  readonly #operations: ReadonlyMap<number, Operation>;
  readonly #texts: readonly KernelText[];
  readonly #collectives: CollectiveArgs;
  readonly #order: Uint32Array;
  readonly #launches: HostLaunches;
  readonly #gpu: number;
  readonly #host: number;
  /** Kernels have this plus 1 + their place in launch order. */
  readonly #firstId: number;

  constructor(sink: TraceSink, run: RunDescription, program: Program, timeline: RankTimeline) {
    this.#sink = sink;
    this.#run = run;
    this.#program = withKernelNames(program, run.kernelNames);
    this.#timeline = timeline;
    this.#operations = operationsById(program);
    this.#texts = this.#program.kernels.map((kernel) => kernelText(kernel, smsOf(run)));
    this.#collectives = new CollectiveArgs(run, timeline.rank, timeline.services);
    this.#order = launchOrder(timeline.events);
    this.#launches = hostLaunches(this.#order, timeline.events.column('startNs'));
    this.#gpu = gpuPid(timeline.rank);
    this.#host = hostPid(timeline.rank);
    this.#firstId = timeline.rank * idStride(run.ranks);
  }

  async write(path: string): Promise<void> {
    const { rank, services } = this.#timeline;
    const { rdma, nvlink } = bytesTo(services, this.#run.ranks);
    const metadata = epemuMetadata(this.#run, 'one rank in PyTorch-profiler form', {
      rank,
      ...programMetadata(this.#program),
      bytesTo: { rdma: [...rdma], nvlink: [...nvlink] },
    });
    const distributed = `{"backend": "nccl", "rank": ${rank}, "world_size": ${this.#run.ranks}}`;
    this.#sink.put(
      `{\n"schemaVersion": 1,\n"deviceProperties": ${deviceList(this.#run)},\n"distributedInfo": ${distributed},\n` +
        `"displayTimeUnit": "ms",\n"epemu": ${metadata},\n"traceEvents": [\n`,
    );
    this.#metadata();
    this.#step();
    const operation = this.#timeline.events.column('operation');
    for (const { id, from, to } of operationRanges(this.#order, operation)) {
      this.#operation(this.#operations.get(id)!, from, to);
      if (this.#sink.full) await this.#sink.flush();
    }
    this.#windows();
    this.#sink.put(`\n],\n"traceName": ${quote(basename(path))}\n}\n`);
  }

  #metadata(): void {
    const { rank, windows } = this.#timeline;
    const device = rank % this.#run.nodeSize;
    let text = processMetadata(this.#host, 'python3', 'CPU', this.#host);
    text += threadMetadata(this.#host, this.#host, `thread ${this.#host} (python3)`, this.#host);
    text += SEPARATOR + processMetadata(this.#gpu, 'python3', `GPU ${device}`, GPU_SORT_OFFSET + device);
    for (const { id } of this.#program.streams) text += threadMetadata(this.#gpu, id, `stream ${id} `, id);
    this.events += 2 * PROCESS_METADATA_EVENTS + (1 + this.#program.streams.length) * THREAD_METADATA_EVENTS;
    if (windows.count > 0) {
      const pid = networkPid(rank);
      text += SEPARATOR + processMetadata(pid, 'network', 'background transfers', GPU_SORT_OFFSET * 2);
      text += threadMetadata(pid, NETWORK_TID, 'network', NETWORK_TID);
      this.events += PROCESS_METADATA_EVENTS + THREAD_METADATA_EVENTS;
    }
    this.#sink.put(text);
  }

  /** The one profiler step: analysers assign kernels to steps through it. */
  #step(): void {
    const { ts, dur } = this.#launches;
    const start = ts.at(0) ?? 0;
    const last = ts.length - 1;
    let end = last < 0 ? 0 : ts[last] + dur[last];
    for (const ns of this.#timeline.events.column('endNs')) end = Math.max(end, microseconds(ns));
    this.#annotation('ProfilerStep#1', start, end, this.#annotationId(-1));
  }

  /** Annotations are numbered after the kernels. */
  #annotationId(operation: number): number {
    return this.#firstId + this.#order.length + 2 + operation;
  }

  #annotation(name: string, start: number, end: number, id: number): void {
    this.#sink.put(
      `${SEPARATOR}{"ph":"X","cat":"user_annotation","name":${quote(name)},"pid":${this.#host},"tid":${this.#host},` +
        `"ts":${start},"dur":${end - start},"args":{"External id":${id},"Ev Idx":${id - this.#annotationId(-1)}}}`,
    );
    this.events++;
  }

  /** One phase: its annotation on the host, the launches in it, its extent on each stream, its kernels, their flows. */
  #operation(operation: Operation, from: number, to: number): void {
    const { ts, dur } = this.#launches;
    const id = this.#annotationId(operation.id);
    this.#annotation(operation.phase, ts[from], ts[to - 1] + dur[to - 1], id);
    let text = '';
    for (const { stream, start, end } of streamExtents(this.#timeline.events, this.#order, from, to)) {
      text +=
        `${SEPARATOR}{"ph":"X","cat":"gpu_user_annotation","name":${quote(operation.phase)},"pid":${this.#gpu},` +
        `"tid":${stream},"ts":${start},"dur":${end - start},"args":{"External id":${id}}}`;
      this.events++;
    }
    this.#sink.put(text);
    this.#kernels(operation, from, to);
  }

  #kernels(operation: Operation, from: number, to: number): void {
    const { events, rank } = this.#timeline;
    const streams = events.column('stream');
    const kernels = events.column('kernel');
    const starts = events.column('startNs');
    const ends = events.column('endNs');
    const { ts, dur } = this.#launches;
    const device = rank % this.#run.nodeSize;
    const gpu = `"pid":${this.#gpu},"tid":`;
    const host = `"pid":${this.#host},"tid":${this.#host},"ts":`;
    const exact = `${operationArgs(operation, true)},"start ns":`;
    let text = '';
    for (let i = from; i < to; i++) {
      const row = this.#order[i];
      const kernel = kernels[row];
      const stream = streams[row];
      const { head, shape, isKernel, launch, cbid } = this.#texts[kernel];
      const id = this.#firstId + 1 + i;
      const start = microseconds(starts[row]);
      text +=
        `,\n{"ph":"X","cat":"cuda_runtime","name":"${launch}",${host}${ts[i]},"dur":${dur[i]},` +
        `"args":{"External id":${id},"cbid":${cbid},"correlation":${id}}}` +
        `,\n{"ph":"s","id":${id},${host}${ts[i]},"cat":"ac2g","name":"ac2g"}` +
        `,\n${head}${gpu}${stream},"ts":${start},"dur":${microseconds(ends[row]) - start},` +
        `"args":{"External id":${id},${isKernel ? '"queued":0,' : ''}"device":${device},"context":1,"stream":${stream},` +
        `"correlation":${id}${shape}${this.#collectiveArgs(operation, kernel)},` +
        `${exact}${starts[row]},"end ns":${ends[row]}}}` +
        `,\n{"ph":"f","id":${id},${gpu}${stream},"ts":${start},"cat":"ac2g","name":"ac2g","bp":"e"}`;
    }
    this.#sink.put(text);
    this.events += 4 * (to - from);
  }

  #collectiveArgs(operation: Operation, kernel: number): string {
    if (operation.collective === undefined) return '';
    const role = operation.kernels.find((item) => item.kernel === kernel && item.role !== undefined)?.role;
    if (role === 'notify') return this.#collectives.notify(operation);
    return role === 'transfer' ? this.#collectives.transfer(operation) : '';
  }

  /** Background transfers: async events, for they overlap kernels and each other, and hold no SM. */
  #windows(): void {
    const { windows, rank } = this.#timeline;
    const track = `"pid":${networkPid(rank)},"tid":${NETWORK_TID},"ts":`;
    this.#sink.put(windowEvents(this.#timeline, this.#operations, track, this.#firstId));
    this.events += 2 * windows.count;
  }
}

/**
 * Writes one rank's timeline as a PyTorch-profiler file: what HTA, TensorBoard and other analysers expect.
 *
 * @param path the file; packed when it ends in `.gz`.
 */
export async function writeRankTrace(
  path: string,
  run: RunDescription,
  program: Program,
  timeline: RankTimeline,
): Promise<TraceStatistics> {
  const sink = TraceSink.open(path);
  const file = new RankFile(sink, run, program, timeline);
  await file.write(path);
  const bytesWritten = await sink.close();
  return { events: file.events, bytesUnpacked: sink.bytesUnpacked, bytesWritten };
}
