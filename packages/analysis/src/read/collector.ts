import { Columns } from '@epemu/core';
import { eventTime, isCallCategory, isGpuCategory } from '@epemu/trace';
import type { TraceEvent } from '@epemu/trace';
import type { StepWindow } from '@epemu/timeline';
import type { NamedRange } from '../phases/containment.js';
import { stepNumber } from './step-name.js';
import { sentBytes } from './split-sizes.js';
import { SyncCollector } from './sync-events.js';

/** Calls that put work on a stream; the host's many queries and attribute calls launch nothing. */
const LAUNCH_NAME = /launch|memcpy|memset/i;
/** So many names tell what a file without categories is. */
const MOST_UNCATEGORISED = 64;
/** Annotations of the profiler and of libraries, which are no phases. */
const NO_PHASE = /^(?:ProfilerStep#|nccl:|c10d::|PyTorch Profiler)/;

/**
 * Kernels of one GPU as a file has them; times are ns from the file's origin. `kernel` is the place in the list of
 * kernels that emulated traces have beside their events, −1 for none; `launchNs` is what an event itself says, else not a
 * number.
 */
export const RAW_KERNEL_COLUMNS = [
  'startNs',
  'endNs',
  'stream',
  'name',
  'correlation',
  'operation',
  'layer',
  'kernel',
  'launchNs',
] as const;
export const LAUNCH_COLUMNS = ['correlation', 'ns', 'thread'] as const;

/** A background transfer as a file has it. */
export interface RawTransfer {
  readonly phase: string;
  readonly startNs: number;
  endNs: number;
  readonly operation: number | undefined;
}

/** One GPU of a file: a process row. */
export class RawGpu {
  readonly kernels = new Columns(RAW_KERNEL_COLUMNS);
  readonly streams: (number | string)[] = [];
  readonly ranges: NamedRange[] = [];
  readonly transfers: RawTransfer[] = [];
  /** Bytes by receiving rank that a kernel sent, by row, of those whose args tell. */
  readonly sentBytes = new Map<number, Float64Array>();
  /** Process group that a kernel communicates in, by row, of those whose args tell. */
  readonly groups = new Map<number, string>();
  /** Thread blocks of the first launch of each name. */
  readonly blocks = new Map<number, number>();
  readonly #open = new Map<number | string, RawTransfer>();
  readonly #streamIndex = new Map<number | string, number>();

  stream(id: number | string): number {
    let index = this.#streamIndex.get(id);
    if (index === undefined) {
      index = this.streams.push(id) - 1;
      this.#streamIndex.set(id, index);
    }
    return index;
  }

  beginTransfer(id: number | string, transfer: RawTransfer): void {
    this.#open.set(id, transfer);
    this.transfers.push(transfer);
  }

  endTransfer(id: number | string, endNs: number): void {
    const transfer = this.#open.get(id);
    // Exact ends come with the begin.
    if (transfer !== undefined && Number.isNaN(transfer.endNs)) transfer.endNs = endNs;
    this.#open.delete(id);
  }
}

/** Shares one index for each name among all files. */
export class NameTable {
  readonly names: string[] = [];
  readonly #index = new Map<string, number>();

  index(name: string): number {
    let index = this.#index.get(name);
    if (index === undefined) {
      index = this.names.push(name) - 1;
      this.#index.set(name, index);
    }
    return index;
  }
}

function numberOf(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined;
}

/** @returns exact ns. */
function exactNs(value: unknown): number | undefined {
  return Number.isSafeInteger(value) ? (value as number) : undefined;
}

/** @returns thread blocks of a launch; not a number where the trace does not say. */
function blocksOf({ grid }: Readonly<Record<string, unknown>>): number {
  return Array.isArray(grid) ? grid.reduce((product: number, size) => product * Number(size), 1) : Number.NaN;
}

/** @returns what tells a process group from others, on all ranks alike; undefined where a kernel's args say nothing. */
function processGroup(args: Readonly<Record<string, unknown>>): string | undefined {
  const name = args['Process Group Name'];
  const ranks = args['Process Group Ranks'];
  if (name === undefined && ranks === undefined) return undefined;
  // One name may be that of several groups, which PyTorch numbers rank by rank; lists of many ranks are cut.
  return JSON.stringify([name ?? null, ranks ?? null, args['Group size'] ?? null]);
}

/** Kernels that have no usable times: how many, and the first. */
export interface Untimed {
  count: number;
  /** How many of them are begun by a B. */
  pairs: number;
  readonly index: number;
  readonly name: string;
}

/** Keeps of a file's events what analysis needs, as numbers, while they stream by. */
export class FileCollector {
  readonly gpus = new Map<number | string, RawGpu>();
  /** Processes that transfer in the background and have no kernels. */
  readonly processNames = new Map<number | string, string>();
  readonly launches = new Columns(LAUNCH_COLUMNS);
  /** How streams and threads waited for each other. */
  readonly waits = new SyncCollector();
  readonly hostRanges: NamedRange[] = [];
  /** Steps of the profiler on the host, by number. */
  readonly steps = new Map<number, StepWindow>();
  readonly threads = new Map<number | string, number>();
  /** Names of phases by GPU and operation, where events say so. */
  readonly phaseNames = new Map<string, string>();
  events = 0;
  /** Of all GPUs. */
  kernels = 0;
  untimed: Untimed | undefined;
  /** Names of the first events that have no category, and how many events are of the host's own work. */
  readonly uncategorised: string[] = [];
  cpuEvents = 0;
  /** µs, from which the file's times count here. */
  originUs: number | undefined;
  readonly #names: NameTable;
  readonly #texts = new Map<string, string>();

  readonly #nsOf = (us: number): number => this.#ns(us);

  constructor(names: NameTable) {
    this.#names = names;
  }

  take(event: TraceEvent): void {
    const index = this.events++;
    const { ph, cat } = event;
    if (ph === 'X') {
      if (cat === undefined) {
        if (this.uncategorised.length < MOST_UNCATEGORISED) this.uncategorised.push(event.name);
        return;
      }
      if (isGpuCategory(cat)) this.#kernel(event, index);
      else if (isCallCategory(cat)) this.#launch(event);
      else if (cat === 'user_annotation') {
        const step = stepNumber(event.name);
        if (step === undefined) this.#range(event, this.hostRanges);
        else this.#step(event, step);
      } else if (cat === 'gpu_user_annotation') this.#gpuRange(event);
      else if (cat === 'cpu_op') this.cpuEvents++;
      else if (cat === 'cuda_sync') this.waits.sync(event, this.#nsOf);
    } else if (ph === 'b' || ph === 'e') {
      if (cat === 'network') this.#transfer(event);
    } else if (ph === 'M') {
      const { name } = event.args ?? {};
      if (event.name === 'process_name' && typeof name === 'string') this.processNames.set(event.pid, name);
    } else if (ph === 'B' && isGpuCategory(cat)) {
      this.#countUntimed(event, index);
    }
  }

  #gpu(pid: number | string): RawGpu {
    let gpu = this.gpus.get(pid);
    if (gpu === undefined) this.gpus.set(pid, (gpu = new RawGpu()));
    return gpu;
  }

  /** @returns ns from the file's origin, which is 0 but for epoch µs, that would not fit an exact number of ns. */
  #ns(us: number): number {
    this.originUs ??= Math.abs(us) * 1000 <= Number.MAX_SAFE_INTEGER ? 0 : Math.floor(us);
    return Math.round((us - this.originUs) * 1000);
  }

  #countUntimed({ name, ph }: TraceEvent, index: number): void {
    this.untimed ??= { count: 0, pairs: 0, index, name };
    this.untimed.count++;
    if (ph === 'B') this.untimed.pairs++;
  }

  #kernel(event: TraceEvent, index: number): void {
    const { name, pid, tid, ts, dur, args = {} } = event;
    // Emulated traces have exact ns beside their integer µs.
    let startNs = exactNs(args['start ns']);
    let endNs = exactNs(args['end ns']);
    if (startNs === undefined || endNs === undefined) {
      const [us, duration] = [eventTime(ts), eventTime(dur)];
      if (us === undefined || duration === undefined || !(Math.abs(us) <= Number.MAX_SAFE_INTEGER)) {
        this.#countUntimed(event, index);
        return;
      }
      startNs = this.#ns(us);
      endNs = startNs + Math.round(duration * 1000);
    } else this.originUs ??= 0;
    if (!(endNs >= startNs && Math.abs(endNs) <= Number.MAX_SAFE_INTEGER)) {
      this.#countUntimed(event, index);
      return;
    }
    const operation = numberOf(args.operation) ?? -1;
    if (operation >= 0 && typeof args.phase === 'string') this.#phaseName(pid, operation, args.phase);
    const gpu = this.#gpu(pid);
    const stream = gpu.stream(numberOf(args.stream) ?? tid);
    const correlation = numberOf(args.correlation) ?? -1;
    const sent = args['In split size'] === undefined ? undefined : sentBytes(args);
    if (sent !== undefined) gpu.sentBytes.set(gpu.kernels.count, sent);
    const group = processGroup(args);
    if (group !== undefined) gpu.groups.set(gpu.kernels.count, this.#shared(group));
    const nameIndex = this.#names.index(name);
    if (!gpu.blocks.has(nameIndex)) gpu.blocks.set(nameIndex, blocksOf(args));
    const layer = numberOf(args.layer) ?? -1;
    const kernel = numberOf(args.kernel) ?? -1;
    this.kernels++;
    const launchNs = exactNs(args['launch ns']) ?? Number.NaN;
    gpu.kernels.push(startNs, endNs, stream, nameIndex, correlation, operation, layer, kernel, launchNs);
  }

  /** One text for all that are alike. */
  #shared(text: string): string {
    let shared = this.#texts.get(text);
    if (shared === undefined) this.#texts.set(text, (shared = text));
    return shared;
  }

  #phaseName(pid: number | string, operation: number, phase: string): void {
    const key = `${pid} ${operation}`;
    if (!this.phaseNames.has(key)) this.phaseNames.set(key, phase);
  }

  #launch(event: TraceEvent): void {
    const { name, ts, tid, args } = event;
    const correlation = numberOf(args?.correlation);
    const us = eventTime(ts);
    if (correlation === undefined || us === undefined) return;
    const launches = LAUNCH_NAME.test(name);
    if (!launches && !SyncCollector.isCall(name)) return;
    let thread = this.threads.get(tid);
    if (thread === undefined) this.threads.set(tid, (thread = this.threads.size));
    if (launches) this.launches.push(correlation, this.#ns(us), thread);
    else this.waits.call(event, thread, this.#nsOf);
  }

  #step({ ts, dur }: TraceEvent, step: number): void {
    const [us, duration] = [eventTime(ts), eventTime(dur)];
    if (us === undefined || duration === undefined || duration < 0) return;
    const startNs = this.#ns(us);
    const before = this.steps.get(step);
    // Another thread may have an annotation of its own for the step: together they are the step.
    const endNs = Math.max(before?.endNs ?? Number.NEGATIVE_INFINITY, startNs + Math.round(duration * 1000));
    this.steps.set(step, { step, startNs: Math.min(before?.startNs ?? startNs, startNs), endNs });
  }

  #range({ name, ts, dur, tid, args }: TraceEvent, into: NamedRange[]): void {
    const [us, duration] = [eventTime(ts), eventTime(dur)];
    if (us === undefined || duration === undefined || duration < 0 || NO_PHASE.test(name)) return;
    const startNs = this.#ns(us);
    // In whole ns: one range's end is the next one's start, whatever a sum of fractions makes of it.
    const endUs = (startNs + Math.round(duration * 1000)) / 1000;
    into.push({ name, tid, startUs: startNs / 1000, endUs, externalId: numberOf(args?.['External id']) });
  }

  #gpuRange(event: TraceEvent): void {
    const operation = numberOf(event.args?.operation);
    if (operation !== undefined) this.#phaseName(event.pid, operation, event.name);
    else this.#range(event, this.#gpu(event.pid).ranges);
  }

  #transfer({ ph, name, pid, id = '', ts, args = {} }: TraceEvent): void {
    const us = eventTime(ts);
    if (us === undefined || Math.abs(us) > Number.MAX_SAFE_INTEGER) return;
    const gpu = this.#gpu(pid);
    if (ph === 'e') {
      gpu.endTransfer(id, this.#ns(us));
      return;
    }
    const startNs = exactNs(args['start ns']) ?? this.#ns(us);
    const endNs = exactNs(args['end ns']) ?? Number.NaN;
    gpu.beginTransfer(id, { phase: name, startNs, endNs, operation: numberOf(args.operation) });
  }
}
