import type { Operation } from '@epemu/schedule';
import { disturbedWork, remainingNs } from '../sharing.js';
import type { Disturbance } from '../sharing.js';
import type { EventQueue } from './queue.js';

/** What is recorded of a kernel. */
export interface KernelDurations {
  readonly soloNs: number;
  readonly besideNs: number;
  readonly memoryNs: number;
}

export interface KernelTimes {
  readonly startNs: number;
  endNs: number;
}

/** What a phase under way is made of. */
interface PhaseParts {
  readonly queue: EventQueue;
  readonly rank: number;
  readonly gapNs: number;
  readonly operation: Operation;
  readonly startNs: number;
  readonly durations: readonly KernelDurations[];
  readonly disturbance: Disturbance;
  launchedNs(index: number): number;
  done(times: readonly KernelTimes[]): void;
}

/** How far the kernel has come that holds the SMs. */
interface Running {
  readonly index: number;
  /** Up to when what it has done is counted, and for how long it ran alone and beside a transfer. */
  sinceNs: number;
  aloneNs: number;
  togetherNs: number;
}

/**
 * A compute operation under way, as events: its kernels hold the SMs one after the other, in the order in which they become
 * ready, and the one that holds them ends as soon as its work is done, which changes when a transfer begins or ends.
 */
export class ReplayPhase {
  readonly #parts: PhaseParts;
  readonly #times: (KernelTimes | undefined)[];
  readonly #begun = new Set<number>();
  readonly #ready: number[] = [];
  #running: Running | undefined;
  #beside = false;
  #open: number;
  /** Ends that are scheduled and no longer hold are told by their number. */
  #scheduled = 0;

  constructor(parts: PhaseParts) {
    this.#parts = parts;
    this.#times = parts.durations.map(() => undefined);
    this.#open = parts.durations.length;
  }

  /** Lets its first kernels begin. */
  start(): void {
    this.#follow();
  }

  /** A transfer is beside it from now on, or none. */
  setBeside(beside: boolean): void {
    if (beside === this.#beside) return;
    this.#count();
    this.#beside = beside;
    this.#schedule();
  }

  #streamOf(index: number): number {
    const { kernels, stream } = this.#parts.operation;
    return kernels[index].stream ?? stream;
  }

  /** Lets those begin whose predecessors have ended. */
  #follow(): void {
    const { operation, startNs, gapNs, queue, rank } = this.#parts;
    operation.kernels.forEach(({ after }, index) => {
      if (this.#begun.has(index)) return;
      const before = operation.kernels
        .slice(0, index)
        .findLastIndex((_, i) => this.#streamOf(i) === this.#streamOf(index));
      const needed = [before, after ?? -1].filter((i) => i >= 0).map((i) => this.#times[i]?.endNs);
      if (needed.some((endNs) => endNs === undefined || endNs === Number.POSITIVE_INFINITY)) return;
      this.#begun.add(index);
      const gates = needed.map((endNs) => endNs! + gapNs);
      const readyNs = this.#parts.disturbance.awakeNs(Math.max(startNs, this.#parts.launchedNs(index), ...gates));
      queue.at(readyNs, [5, operation.id, rank, index], () => {
        this.#times[index] = { startNs: readyNs, endNs: Number.POSITIVE_INFINITY };
        this.#ready.push(index);
        if (this.#running === undefined) this.#next();
      });
    });
  }

  #next(): void {
    const index = this.#ready.shift();
    if (index === undefined) return;
    this.#running = { index, sinceNs: this.#parts.queue.nowNs, aloneNs: 0, togetherNs: 0 };
    this.#schedule();
  }

  /** Counts what the kernel has done until now. */
  #count(): void {
    const running = this.#running;
    if (running === undefined) return;
    const { nowNs } = this.#parts.queue;
    if (this.#beside) running.togetherNs += nowNs - running.sinceNs;
    else running.aloneNs += nowNs - running.sinceNs;
    running.sinceNs = nowNs;
  }

  /** Schedules the end of the kernel as things stand. */
  #schedule(): void {
    const running = this.#running;
    if (running === undefined) return;
    const { queue, operation, rank, durations, disturbance } = this.#parts;
    const { index, sinceNs, aloneNs, togetherNs } = running;
    const number = ++this.#scheduled;
    const work = disturbedWork(durations[index], disturbance, this.#times[index]!.startNs);
    const endNs = sinceNs + remainingNs(work, aloneNs, togetherNs, this.#beside);
    queue.at(endNs, [0, operation.id, rank, number], () => {
      if (number === this.#scheduled) this.#end(index);
    });
  }

  #end(index: number): void {
    this.#running = undefined;
    this.#times[index]!.endNs = this.#parts.queue.nowNs;
    this.#next();
    this.#follow();
    if (--this.#open === 0) this.#parts.done(this.#times.map((time) => time!));
  }
}
