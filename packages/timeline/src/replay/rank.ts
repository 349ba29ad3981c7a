import { InvariantError } from '@epemu/core';
import { holdsSms, programOf } from '@epemu/schedule';
import type { Operation, Program } from '@epemu/schedule';
import type { RankTimeline } from '../rank-timeline.js';
import type { RankRecord } from '../rank-record.js';
import { disturbedWork, loadOf } from '../sharing.js';
import type { Disturbance } from '../sharing.js';
import { ReplayPhase } from './phase.js';
import type { KernelDurations, KernelTimes } from './phase.js';
import { ReplayHostClock } from './host.js';
import type { ReplayModel } from './model.js';
import type { EventQueue } from './queue.js';

/** What a rank of the replay asks of the whole. */
export interface ReplayHost {
  readonly model: ReplayModel;
  readonly queue: EventQueue;
  readonly program: Program;
  /** A notify starts at a rank; `done` is told when the rank knows that all have arrived. */
  notify(rank: number, operation: Operation, startNs: number, done: (endNs: number) => void): void;
  /**
   * A transfer starts at a rank; `load` tells what computes beside it at that moment, and `done` is told when the rank is
   * done with it.
   */
  transfer(
    rank: number,
    operation: Operation,
    startNs: number,
    load: () => number,
    done: (endNs: number) => void,
  ): void;
}

/** One rank's streams, driven by events alone. */
export class ReplayRank {
  readonly #host: ReplayHost;
  readonly #program: Program;
  readonly #cpu: ReplayHostClock;
  readonly #rank: number;
  readonly #disturbance: Disturbance;
  readonly #timeline: RankTimeline;
  /** By operation, then by kernel of it. */
  readonly #durations = new Map<number, KernelDurations[]>();
  readonly #queues: Map<number, Operation[]>;
  readonly #streamFreeNs = new Map<number, number>();
  readonly #busy = new Set<number>();
  readonly #endNs = new Map<number, number>();
  /** Compute operations that have started, and their ends as soon as they are known. */
  readonly #runs = new Map<number, { startNs: number; endNs: number }>();
  /** Compute operations under way, and transfers whose kernels hold SMs. */
  readonly #phases = new Map<number, ReplayPhase>();
  readonly #resident = new Set<number>();
  /** Arrival of background transfers, and the waits that were there first. */
  readonly #arrivedNs = new Map<number, number>();
  readonly #waiting = new Map<number, (arrivedNs: number) => void>();

  constructor(host: ReplayHost, timeline: RankTimeline, record: RankRecord) {
    this.#host = host;
    this.#rank = record.rank;
    this.#disturbance = host.model.disturbance(record.rank);
    this.#program = programOf(host.program, record.rank);
    this.#cpu = new ReplayHostClock(this.#program, host.model);
    this.#timeline = timeline;
    const columns = record.durations.names.map((name) => record.durations.column(name));
    const [operation, index, solo, beside, memory] = columns;
    for (let i = 0; i < record.durations.count; i++) {
      const ofKernels = this.#durations.get(operation[i]) ?? [];
      this.#durations.set(operation[i], ofKernels);
      ofKernels[index[i]] = { soloNs: solo[i], besideNs: beside[i], memoryNs: memory[i] };
    }
    this.#queues = new Map(host.program.streams.map(({ id }) => [id, []]));
    for (const op of this.#program.operations) this.#queues.get(op.stream)!.push(op);
  }

  /** Starts whatever can start. @returns how many operations have not ended. */
  start(): number {
    for (const stream of this.#queues.keys()) this.#tryStart(stream);
    return this.unfinished;
  }

  get unfinished(): number {
    return this.#program.operations.length - this.#endNs.size;
  }

  #durationsOf(operation: Operation, index: number): KernelDurations {
    const durations = this.#durations.get(operation.id)?.[index];
    if (durations === undefined)
      throw new InvariantError(`no duration is recorded for kernel ${index} of ${operation.phase}`);
    return durations;
  }

  #tryStart(stream: number): void {
    const operation = this.#queues.get(stream)![0];
    if (operation === undefined || this.#busy.has(stream)) return;
    let afterNs = this.#streamFreeNs.get(stream) ?? Number.NEGATIVE_INFINITY;
    for (const gate of operation.gates) {
      const end = this.#endNs.get(gate);
      if (end === undefined) return;
      afterNs = Math.max(afterNs, end);
    }
    const launchedNs = this.#cpu.earliestNs(operation, 0);
    if (launchedNs === undefined) return;
    this.#queues.get(stream)!.shift();
    this.#busy.add(stream);
    const startNs = this.#disturbance.awakeNs(Math.max(afterNs + this.#host.model.gapNs, launchedNs));
    this.#host.queue.at(startNs, [3, operation.id, this.#rank], () => {
      if (operation.kind === 'compute') this.#compute(operation, startNs);
      else this.#collective(operation, 0, startNs, []);
    });
  }

  #finish(operation: Operation, kernels: readonly KernelTimes[], streamFreeNs: number): void {
    let endNs = 0;
    kernels.forEach((kernel, index) => {
      endNs = Math.max(endNs, kernel.endNs);
      const { stream = operation.stream, kernel: id } = operation.kernels[index];
      if (!operation.recorded) return;
      const launchNs = this.#cpu.launchNs(operation, index)!;
      this.#timeline.events.push(stream, id, operation.id, kernel.startNs, kernel.endNs, launchNs);
    });
    this.#streamFreeNs.set(operation.stream, streamFreeNs);
    const run = this.#runs.get(operation.id);
    if (run !== undefined) run.endNs = endNs;
    this.#host.queue.at(Math.max(endNs, this.#host.queue.nowNs), [4, operation.id, this.#rank], () => {
      this.#endNs.set(operation.id, endNs);
      this.#busy.delete(operation.stream);
      for (const stream of this.#queues.keys()) this.#tryStart(stream);
    });
  }

  /** Kernels of a compute phase, timed again whenever a transfer beside them begins or ends. */
  #compute(operation: Operation, startNs: number): void {
    this.#runs.set(operation.id, { startNs, endNs: Number.POSITIVE_INFINITY });
    const phase = new ReplayPhase({
      ...{ queue: this.#host.queue, rank: this.#rank, gapNs: this.#host.model.gapNs, operation, startNs },
      durations: operation.kernels.map((_, index) => this.#durationsOf(operation, index)),
      launchedNs: (index) => this.#cpu.earliestNs(operation, index)!,
      disturbance: this.#disturbance,
      done: (times) => {
        this.#phases.delete(operation.id);
        const own = times.filter((_, index) => {
          return (operation.kernels[index].stream ?? operation.stream) === operation.stream;
        });
        this.#finish(operation, times, Math.max(...own.map((time) => time.endNs)));
      },
    });
    this.#phases.set(operation.id, phase);
    phase.setBeside(operation.beside.some((id) => this.#resident.has(id)));
    phase.start();
  }

  /** A transfer's kernel takes its SMs, or gives them back. */
  #hold(transfer: Operation, holds: boolean): void {
    if (holds) this.#resident.add(transfer.id);
    else this.#resident.delete(transfer.id);
    for (const [id, phase] of this.#phases) {
      const { beside } = this.#host.program.operations[id];
      if (beside.includes(transfer.id)) phase.setBeside(beside.some((other) => this.#resident.has(other)));
    }
  }

  /** Compute operations of those that may run beside a collective that hold their SMs now; one does until the next could start. */
  #runningBeside(operation: Operation): readonly number[] {
    const { nowNs } = this.#host.queue;
    return operation.beside.filter((id) => {
      const run = this.#runs.get(id);
      if (run === undefined || nowNs >= run.endNs + this.#host.model.gapNs) return false;
      return run.startNs < nowNs || (run.startNs === nowNs && id < operation.id);
    });
  }

  /** Share of the memory bandwidth that computation beside a transfer uses now, in millionths. */
  #loadBeside(operation: Operation): number {
    const loads = this.#runningBeside(operation).map((id) => {
      const [solo, memory] = this.#durations
        .get(id)!
        .reduce(([allNs, bytesNs], { soloNs, memoryNs }) => [allNs + soloNs, bytesNs + memoryNs], [0, 0]);
      return loadOf(memory, solo);
    });
    return Math.min(
      1_000_000,
      loads.reduce((sum, load) => sum + load, 0),
    );
  }

  /** Kernels of a collective one after the other, from kernel `index` on. */
  #collective(operation: Operation, index: number, startNs: number, before: KernelTimes[]): void {
    const kernel = operation.kernels[index];
    if (kernel === undefined) {
      this.#finish(operation, before, before[before.length - 1].endNs);
      return;
    }
    // Behind all that starts at the same time, so that it is seen who runs.
    this.#host.queue.at(startNs, [8, operation.id, this.#rank, index], () => {
      this.#kernel(operation, index, startNs, (endNs) => {
        if (kernel.role === 'notify') {
          this.#cpu.notified(operation, endNs);
          for (const stream of this.#queues.keys()) this.#tryStart(stream);
        }
        const next = endNs + this.#host.model.gapNs;
        const launchedNs = operation.kernels[index + 1] === undefined ? 0 : this.#cpu.earliestNs(operation, index + 1)!;
        const nextNs = this.#disturbance.awakeNs(Math.max(next, launchedNs));
        this.#collective(operation, index + 1, nextNs, [...before, { startNs, endNs }]);
      });
    });
  }

  #kernel(operation: Operation, index: number, startNs: number, done: (endNs: number) => void): void {
    const { role } = operation.kernels[index];
    const durations = this.#durationsOf(operation, index);
    const { soloNs } = role === undefined ? disturbedWork(durations, this.#disturbance, startNs) : durations;
    if (role === 'notify') {
      this.#host.notify(this.#rank, operation, startNs, (endNs) => {
        done(Math.max(startNs + soloNs, endNs));
      });
    } else if (role === undefined) {
      done(startNs + soloNs);
    } else {
      this.#transfer(operation, startNs, soloNs, done);
    }
  }

  #transfer(operation: Operation, startNs: number, soloNs: number, done: (endNs: number) => void): void {
    const readyNs = startNs + soloNs;
    if (operation.kind === 'issue') {
      this.#host.transfer(
        this.#rank,
        operation,
        readyNs,
        () => 0,
        (arrivedNs) => {
          if (operation.recorded) this.#timeline.transfers.push(operation.id, startNs, arrivedNs);
          this.#arrivedNs.set(operation.id, arrivedNs);
          this.#waiting.get(operation.id)?.(arrivedNs);
        },
      );
      done(readyNs);
    } else if (operation.kind === 'wait') {
      const arrived = (arrivedNs: number): void => {
        done(Math.max(startNs, arrivedNs) + soloNs);
      };
      const known = operation.issue === undefined ? startNs : this.#arrivedNs.get(operation.issue);
      if (known === undefined) this.#waiting.set(operation.issue!, arrived);
      else arrived(known);
    } else {
      const holds = holdsSms(operation);
      if (holds) this.#hold(operation, true);
      const load = (): number => (holds ? this.#loadBeside(operation) : 0);
      this.#host.transfer(this.#rank, operation, startNs, load, (arrivedNs) => {
        const endNs = Math.max(arrivedNs, readyNs);
        if (holds) {
          this.#host.queue.at(Math.max(endNs, this.#host.queue.nowNs), [10, operation.id, this.#rank], () => {
            this.#hold(operation, false);
          });
        }
        done(endNs);
      });
    }
  }
}
