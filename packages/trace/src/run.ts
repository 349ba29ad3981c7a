import type { Operation } from '@epemu/schedule';

import { quote } from './json.js';
import type { KernelNaming } from './kernel-naming.js';

/** What trace files say about the run they come from. */
export interface RunDescription {
  readonly runId: string;
  readonly scenario: string;
  readonly ranks: number;
  /** GPUs of a node. */
  readonly nodeSize: number;
  readonly layers: number;
  readonly epemuVersion: string;
  /** Properties of one GPU as a profiler lists them (`numSms`, `totalGlobalMem`, …), without `id` and `name`. */
  readonly deviceProperties: Readonly<Record<string, unknown>>;
  readonly gpuName: string;
  /** Bytes of a hidden value on its way to the experts: 1 for FP8, 2 for BF16. */
  readonly bytesPerElementDispatch: number;
  readonly hidden: number;
  readonly topK: number;
  /** SMs that compute phases and collectives are given. */
  readonly computeSms: number;
  readonly communicationSms: number;
  /** How long the CPU is at launching a kernel, and from when on the kernel could start, ns. */
  readonly host: { readonly kernelLaunchNs: number; readonly launchLatencyNs: number };
  /** Whose names communication kernels have. */
  readonly kernelNames: KernelNaming;
  /**
   * Whether traces have tracks of what ranks compute, communicate, have exposed and are idle for.
   *
   * @default false
   */
  readonly tracks?: boolean;
  /** What of it is real; all that there is where it is absent. */
  readonly statement?: Statement;
  /** What was made unequal about ranks; undefined ranks: all. */
  readonly unequal?: readonly { readonly text: string; readonly ranks?: readonly number[] }[];
  /** The resolved configuration; goes into the file's metadata. */
  readonly configuration?: Readonly<Record<string, unknown>>;
}

/** What a writer wrote. */
export interface TraceStatistics {
  /** Elements of `traceEvents`, metadata included. */
  readonly events: number;
  readonly bytesUnpacked: number;
  readonly bytesWritten: number;
}

/** What of a run is real and what is modelled, in the words of every trace, report and page. */
export interface Statement {
  readonly real: string;
  readonly modelled: string;
}

const MODELLED =
  'kernel durations, host launches, link bandwidth and latency, SM shares; registers and shared memory of kernels are typical values of their kind';

/** What a run does that decides what of it is real. */
export interface RealParts {
  readonly fabric: 'websocket' | 'memory';
  readonly payload: { readonly kind: 'float32' | 'none' };
}

/** @returns what this run really does: a memory fabric has no sockets, and a run without payload no arithmetic. */
export function statementOf({ fabric, payload }: RealParts): Statement {
  const carried =
    payload.kind === 'none'
      ? 'routing, token placement (no payload, so that nothing is computed or checked)'
      : 'bytes of the emulated payload, routing, token placement, arithmetic on the emulated hidden size';
  const real =
    fabric === 'memory'
      ? `messages between ranks in one process, ${carried}`
      : `processes, sockets, frames, ${carried}`;
  return { real, modelled: MODELLED };
}

/** Of a run with all that there is. */
export const STATEMENT = statementOf({ fabric: 'websocket', payload: { kind: 'float32' } });

/**
 * Numbers that are unique across the files of a run. GPU processes are 1 + rank, host processes 100000 + rank, network
 * rows 200000 + rank. Correlation and async ids are rank · stride + n with n ≥ 1 in launch order: stride is 10^7, less
 * where so many ranks would pass 2^31, which some readers keep ids in.
 */
export const gpuPid = (rank: number): number => 1 + rank;
export const hostPid = (rank: number): number => 100_000 + rank;
export const networkPid = (rank: number): number => 200_000 + rank;
export const idStride = (ranks: number): number => Math.min(10_000_000, Math.floor(0x7fffffff / ranks));

/** Thread id of the network row: above every stream id, so that it cannot be taken for one. */
export const NETWORK_TID = 100_000;

/** Thread id of the row of arrivals in the merged trace. */
export const ARRIVALS_TID = NETWORK_TID + 1;

/** Thread id of the first of the rows that show how communication is hidden. */
export const TRACKS_TID = NETWORK_TID + 2;

/** SMs of the modelled GPU; the H800's where the properties do not say. */
export function smsOf(run: RunDescription): number {
  const { numSms } = run.deviceProperties;
  return typeof numSms === 'number' && numSms > 0 ? numSms : 132;
}

/** @returns one entry per GPU of the node, `id` and `name` first. */
export function deviceList(run: RunDescription): string {
  const devices: string[] = [];
  const rest = Object.entries(run.deviceProperties).filter(([key]) => key !== 'id' && key !== 'name');
  for (let id = 0; id < run.nodeSize; id++) {
    devices.push(JSON.stringify({ id, name: run.gpuName, ...Object.fromEntries(rest) }));
  }
  return `[\n${devices.join(',\n')}\n]`;
}

/** @returns what a rank is called where all of a run's are together: `rank 003 (node 0, GPU 3)`. */
export function rankName({ ranks, nodeSize }: Pick<RunDescription, 'ranks' | 'nodeSize'>, rank: number): string {
  const digits = Math.max(3, String(ranks - 1).length);
  return `rank ${String(rank).padStart(digits, '0')} (node ${Math.floor(rank / nodeSize)}, GPU ${rank % nodeSize})`;
}

/** @returns the label of a rank's GPU: its number on the node, and what was made unequal about the rank. */
export function gpuLabel({ nodeSize, unequal = [] }: RunDescription, rank: number): string {
  const own = unequal.filter(({ ranks }) => ranks?.includes(rank) === true).map(({ text }) => text);
  return [`GPU ${rank % nodeSize}`, ...own].join('; ');
}

/** @returns the `epemu` member of a file's top level. */
export function epemuMetadata(run: RunDescription, content: string, extra: Record<string, unknown> = {}): string {
  const { runId, scenario, ranks, nodeSize, layers, hidden, topK, epemuVersion, configuration } = run;
  const { computeSms, communicationSms, gpuName } = run;
  return JSON.stringify({
    content,
    runId,
    scenario,
    ranks,
    nodeSize,
    layers,
    hidden,
    topK,
    computeSms,
    communicationSms,
    gpuName,
    epemuVersion,
    ...extra,
    statement: run.statement ?? STATEMENT,
    ...(configuration === undefined ? {} : { configuration }),
  });
}

/** @returns `"operation":12,"phase":"mlp(F)","layer":3`, the args that tie an event to the program. */
export function operationArgs(operation: Operation, phase: boolean): string {
  const name = phase ? `"phase":${quote(operation.phase)},` : '';
  return `"operation":${operation.id},${name}"layer":${operation.layer}`;
}
