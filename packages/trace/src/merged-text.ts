import type { BackgroundTransfer, RankView } from '@epemu/timeline';

import type { TraceCut } from './cut.js';
import {
  microseconds,
  PROCESS_METADATA_EVENTS,
  processMetadata,
  quote,
  THREAD_METADATA_EVENTS,
  threadMetadata,
} from './json.js';
import { type LaunchedPhase, streamExtents } from './launch-order.js';
import { gpuLabel, gpuPid, idStride, NETWORK_TID, operationArgs, rankName } from './run.js';
import type { RunTrace } from './run-trace.js';
import { transferEvents } from './transfers.js';

/** Text of some events and how many they are. */
export interface EventText {
  readonly text: string;
  readonly count: number;
}

/** A rank's phases in launch order; `rank` is the one they are written for. */
export interface OrderedRank {
  readonly rank: number;
  readonly view: RankView;
  readonly phases: readonly LaunchedPhase[];
}

/** Builds the events of a merged trace: shorter than those of a rank file, and without the host. */
export class MergedText {
  readonly #trace: RunTrace;
  readonly #cut: TraceCut;

  constructor(trace: RunTrace, cut: TraceCut) {
    this.#trace = trace;
    this.#cut = cut;
  }

  /** Names of a rank's process and rows; the only text without a separator before it. */
  metadata(rank: number, network: boolean): EventText {
    const { run, facts } = this.#trace;
    const { streams } = facts.program;
    const pid = gpuPid(rank);
    let text = processMetadata(pid, rankName(run, rank), gpuLabel(run, rank), rank);
    for (const stream of streams) {
      text += threadMetadata(pid, stream.id, `stream ${stream.id} ${stream.name}`, stream.id);
    }
    if (network) text += threadMetadata(pid, NETWORK_TID, 'network', NETWORK_TID);
    const threads = streams.length + (network ? 1 : 0);
    return { text, count: PROCESS_METADATA_EVENTS + threads * THREAD_METADATA_EVENTS };
  }

  /** A phase's extent on each of its streams; written before its kernels, so that viewers put it above them. */
  phase({ rank, view }: OrderedRank, { operation, instance }: LaunchedPhase): EventText {
    const extents = streamExtents(view, instance);
    let text = '';
    for (const { stream, start, end } of extents) {
      text +=
        `,\n{"ph":"X","cat":"gpu_user_annotation","name":${quote(operation.phase)},"pid":${gpuPid(rank)},` +
        `"tid":${stream},"ts":${start},"dur":${end - start},` +
        `"args":{${operationArgs(operation, false)},"micro-batch":${operation.microBatch}}}`;
    }
    return { text, count: extents.length };
  }

  /** Kernels of a phase, those that `keep` has no 0 for, with when the CPU launched them unless a graph did. */
  kernels({ rank, view }: OrderedRank, { operation, kernels: launched }: LaunchedPhase, keep?: Uint8Array): EventText {
    const { kernels, streams } = view.content;
    const isGraph = this.#trace.facts.program.launch === 'graph';
    const args = operationArgs(operation, false);
    const pid = gpuPid(rank);
    const firstId = rank * idStride(this.#trace.run.ranks);
    let text = '';
    let count = 0;
    for (const { row, call } of launched) {
      if (keep?.[row] === 0) continue;
      const { id: stream } = streams[kernels.stream[row]];
      const start = microseconds(kernels.startNs[row]);
      const launch = isGraph ? '' : `"launch ns":${kernels.launchNs[row]},`;
      text +=
        `,\n${this.#trace.texts[kernels.kernel[row]].head}"pid":${pid},"tid":${stream},"ts":${start},` +
        `"dur":${microseconds(kernels.endNs[row]) - start},"args":{"stream":${stream},"correlation":${firstId + call},` +
        `${args},"kernel":${kernels.kernel[row]},${launch}` +
        `"start ns":${kernels.startNs[row]},"end ns":${kernels.endNs[row]}}}`;
      count++;
    }
    return { text, count };
  }

  /** A rank's background transfers. */
  transfers({ rank, view }: OrderedRank): EventText {
    const { facts, run } = this.#trace;
    const track = `"pid":${gpuPid(rank)},"tid":${NETWORK_TID},"ts":`;
    const keeps = (transfer: BackgroundTransfer): boolean =>
      this.#cut.has(facts.operation(transfer.operation!), transfer);
    const text = transferEvents(view, facts, track, rank * idStride(run.ranks), keeps);
    return { text, count: 2 * view.content.transfers.filter(keeps).length };
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
