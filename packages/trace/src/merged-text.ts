import type { Operation, Program } from '@epemu/schedule';
import type { RankTimeline } from '@epemu/timeline';

import {
  microseconds,
  PROCESS_METADATA_EVENTS,
  processMetadata,
  quote,
  THREAD_METADATA_EVENTS,
  threadMetadata,
} from './json.js';
import { eventCategory } from './kernel-text.js';
import { streamExtents } from './launch.js';
import { gpuPid, idStride, NETWORK_TID, operationArgs, operationsById, type RunDescription } from './run.js';
import { windowEvents } from './windows.js';

/** Text of some events and how many they are. */
export interface EventText {
  readonly text: string;
  readonly count: number;
}

/** A rank's kernels in launch order; `rank` is the one they are written for. */
export interface OrderedKernels {
  readonly rank: number;
  readonly timeline: RankTimeline;
  readonly order: Uint32Array;
}

/** Builds the events of a merged trace: shorter than those of a rank file, and without the host. */
export class MergedText {
  readonly operations: ReadonlyMap<number, Operation>;
  readonly #run: RunDescription;
  readonly #program: Program;
  /** By kernel index: `{"ph":"X","cat":…,"name":…,` */
  readonly #heads: readonly string[];

  constructor(run: RunDescription, program: Program) {
    this.#run = run;
    this.#program = program;
    this.operations = operationsById(program);
    this.#heads = program.kernels.map(
      (kernel) => `,\n{"ph":"X","cat":"${eventCategory(kernel)}","name":${quote(kernel.name)},`,
    );
  }

  /** Names of a rank's process and rows; the only text without a separator before it. */
  metadata(rank: number, network: boolean): EventText {
    const { ranks, nodeSize } = this.#run;
    const digits = Math.max(3, String(ranks - 1).length);
    const node = Math.floor(rank / nodeSize);
    const name = `rank ${String(rank).padStart(digits, '0')} (node ${node}, GPU ${rank % nodeSize})`;
    const pid = gpuPid(rank);
    let text = processMetadata(pid, name, `GPU ${rank % nodeSize}`, rank);
    for (const stream of this.#program.streams) {
      text += threadMetadata(pid, stream.id, `stream ${stream.id} ${stream.name}`, stream.id);
    }
    if (network) text += threadMetadata(pid, NETWORK_TID, 'network', NETWORK_TID);
    const threads = this.#program.streams.length + (network ? 1 : 0);
    return { text, count: PROCESS_METADATA_EVENTS + threads * THREAD_METADATA_EVENTS };
  }

  /** An operation's extent on each of its streams; written before its kernels, so that viewers put it above them. */
  phases({ rank, timeline, order }: OrderedKernels, id: number, from: number, to: number): EventText {
    const operation = this.operations.get(id)!;
    const extents = streamExtents(timeline.events, order, from, to);
    let text = '';
    for (const { stream, start, end } of extents) {
      text +=
        `,\n{"ph":"X","cat":"gpu_user_annotation","name":${quote(operation.phase)},"pid":${gpuPid(rank)},` +
        `"tid":${stream},"ts":${start},"dur":${end - start},` +
        `"args":{${operationArgs(operation, false)},"micro-batch":${operation.microBatch}}}`;
    }
    return { text, count: extents.length };
  }

  /** Kernels of an operation, those that `keep` has no 0 for. */
  kernels(kernels: OrderedKernels, id: number, from: number, to: number, keep?: Uint8Array): EventText {
    const { events } = kernels.timeline;
    const streams = events.column('stream');
    const indices = events.column('kernel');
    const starts = events.column('startNs');
    const ends = events.column('endNs');
    const args = operationArgs(this.operations.get(id)!, false);
    const pid = gpuPid(kernels.rank);
    const firstId = kernels.rank * idStride(this.#run.ranks) + 1;
    let text = '';
    let count = 0;
    for (let i = from; i < to; i++) {
      const row = kernels.order[i];
      if (keep?.[row] === 0) continue;
      const stream = streams[row];
      const start = microseconds(starts[row]);
      text +=
        `${this.#heads[indices[row]]}"pid":${pid},"tid":${stream},"ts":${start},` +
        `"dur":${microseconds(ends[row]) - start},"args":{"stream":${stream},"correlation":${firstId + i},${args},` +
        `"start ns":${starts[row]},"end ns":${ends[row]}}}`;
      count++;
    }
    return { text, count };
  }

  /** A rank's background transfers. */
  windows(rank: number, timeline: RankTimeline): EventText {
    const track = `"pid":${gpuPid(rank)},"tid":${NETWORK_TID},"ts":`;
    const text = windowEvents(timeline, this.operations, track, rank * idStride(this.#run.ranks));
    return { text, count: 2 * timeline.windows.count };
  }
}

/** @returns one end of a flow between ranks. */
export function flowText(starts: boolean, category: string, id: number, pid: number, tid: number, ts: number): string {
  const binding = starts ? '' : ',"bp":"e"';
  return (
    `,\n{"ph":"${starts ? 's' : 'f'}","cat":"${category}","name":"${category}","id":${id},` +
    `"pid":${pid},"tid":${tid},"ts":${ts}${binding}}`
  );
}
