import { isGpuCategory } from './categories.js';
import type { TraceEvent } from './event.js';
import type { LintReport } from './lint-rules.js';

/** Categories of what runs on a GPU's streams. */
export const GPU_CATEGORIES: ReadonlySet<string> = new Set(['kernel', 'gpu_memcpy', 'gpu_memset']);
/** Phases whose events need no time: metadata, and what snapshots consist of. */
const UNTIMED = new Set(['M', 'N', 'O', 'D']);
/** Kernels that move bytes between ranks and do not bear NCCL's name: DeepEP's, DeepSeek's, NVSHMEM's. */
const EXPERT_PARALLEL = /\b(?:deep_ep|dpsk::ep)::|nvshmem/i;
const COUNTED = /^nccl.*Kernel/;
/** A name is told once, and only so many are remembered. */
const NAMES = 1000;

/** @returns an arg of an event, where it is a number. */
export function numberArg(event: TraceEvent, key: string): number | undefined {
  const value = event.args?.[key];
  return typeof value === 'number' ? value : undefined;
}

/** Rules about one event by itself; they hold for traces of any size. */
export class EventRules {
  readonly #uncounted = new Set<string>();
  #kernels = 0;
  #first = '';

  /** Checks the next event. */
  add(event: TraceEvent, index: number, report: LintReport): void {
    const { ph, name } = event;
    // An end needs no name, by the format.
    if (name === '' && ph !== 'E') report.add('event-named', index, () => `the event (${ph}) has no name`);
    if (!UNTIMED.has(ph)) checkTimes(event, index, report);
    if (ph === 'X' && event.cat !== undefined && GPU_CATEGORIES.has(event.cat)) this.#kernel(event, index, report);
    else this.#other(event);
  }

  /** Checks what only the whole trace shows; `metadata` is the text beside the events. */
  finish(report: LintReport, metadata: string): void {
    // Of epemu's own traces only that of the host has no kernels, and is not meant to have any.
    if (this.#kernels > 0 || metadata.includes('"epemu"')) return;
    const other = this.#first === '' ? '' : `; ${this.#first}`;
    report.add('kernels-complete', -1, () => `the file has no complete event of category kernel${other}`);
  }

  /** Keeps the first kernel of a form that is not read by all. */
  #other({ ph, cat, name }: TraceEvent): void {
    if (this.#first !== '' || !isGpuCategory(cat)) return;
    this.#first = `the first kernel is ${name}, with "ph": ${JSON.stringify(ph)} and "cat": ${JSON.stringify(cat)}`;
  }

  #kernel(event: TraceEvent, index: number, report: LintReport): void {
    const { name, args } = event;
    if (event.cat === 'kernel') this.#kernels++;
    for (const key of ['stream', 'correlation']) {
      if (numberArg(event, key) !== undefined) continue;
      report.add('kernel-args', index, () => `${name} has ${key} ${JSON.stringify(args?.[key]) ?? 'nowhere'}`);
    }
    const stream = numberArg(event, 'stream');
    if (stream !== undefined && stream <= 0) {
      report.add('stream-positive', index, () => `${name} has stream ${stream}`);
    }
    if (!EXPERT_PARALLEL.test(name) || COUNTED.test(name)) return;
    if (this.#uncounted.has(name) || this.#uncounted.size >= NAMES) return;
    this.#uncounted.add(name);
    report.add('collective-counted', index, () => `${name} communicates, and does not bear NCCL's name`);
  }
}

function checkTimes({ ph, name, ts, dur }: TraceEvent, index: number, report: LintReport): void {
  const times: [string, unknown][] = [['ts', ts]];
  if (ph === 'X') times.push(['dur', dur]);
  for (const [key, time] of times) {
    const what = (): string => `${name} (${ph}) has ${key} ${time === undefined ? 'nowhere' : JSON.stringify(time)}`;
    if (typeof time !== 'number' || time < 0) report.add('event-timed', index, what);
    else if (!Number.isInteger(time)) report.add('integer-times', index, what);
  }
}
