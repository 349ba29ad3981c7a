import { InvariantError } from '@epemu/core';
import { holdsSms, idLimit } from '@epemu/schedule';
import type { Operation } from '@epemu/schedule';
import { disturbedWork } from '@epemu/timeline';
import { ComputePhases } from './compute-phases.js';
import { loadAt, receivedKey } from './context.js';
import type { TimingContext } from './context.js';
import type { Activity, TimingEvent } from './event-queue.js';
import { HostClock } from './host.js';
import { KernelTimes } from './kernel-times.js';
import { timeCombine } from './normal-combine.js';
import { timeDispatch } from './normal-dispatch.js';
import { timeNotify } from './notify.js';
import { OperationTimes } from './operation-times.js';
import { timeHandOver, timeLowLatency, timePipeline } from './single-hop.js';

/** What the timing of a rank asks of the rest of it, and tells it. */
export interface TimingHooks {
  /** Resolves when the rank's pace lets a row begin on the host; undefined where it may at once. */
  rowBegins(row: number): Promise<void> | undefined;
  /** Called when an operation starts; a fault may end the process here. */
  onOperation(operation: Operation): void;
  /** Called when an operation has ended. */
  onOperationEnd(operation: Operation, startNs: number, endNs: number): void;
  /** Called when the background transfer of an issue has ended. */
  onTransfer(issue: Operation, issueNs: number, arrivedNs: number): void;
  /** Resolves when the real tokens of a collective have arrived: virtual time does not run ahead of the data. */
  tokensArrived(operation: Operation): Promise<void> | undefined;
}

/**
 * Times one rank's program: a loop per stream, in launch order, joined by gates, all of them activities of one event queue.
 * Nothing here reads a host clock, and what a loop waits for is either the rank's own operation or a complete set of
 * headers.
 */
export class TimingPlane {
  readonly #context: TimingContext;
  readonly #hooks: TimingHooks;
  readonly #host: HostClock;
  readonly #ends: OperationTimes;
  /** When the streams of operations are free. */
  readonly #freed: OperationTimes;
  readonly #kernels: KernelTimes;
  readonly #phases: ComputePhases;
  /** For issues: when the last byte that this rank needs is there. */
  readonly #transfers = new Map<number, TimingEvent<number>>();

  constructor(context: TimingContext, hooks: TimingHooks) {
    this.#context = context;
    this.#hooks = hooks;
    this.#host = new HostClock(context.queue, context.program, context.launch);
    const length = idLimit(context.program);
    this.#ends = new OperationTimes(context.queue, length);
    this.#freed = new OperationTimes(context.queue, length);
    this.#kernels = new KernelTimes(context);
    this.#phases = new ComputePhases(context, this.#host, this.#kernels, this.#ends, this.#freed);
  }

  /** Runs the program to its end. @throws what any operation failed with. */
  async run(): Promise<void> {
    const { program, queue } = this.#context;
    queue.start(this.#host.run());
    for (const { id } of program.streams) {
      queue.start(this.#runStream(program.operations.filter((operation) => operation.stream === id)));
    }
    queue.advance();
    await queue.ended;
  }

  /** Waits for what the host does, where it has not done it. */
  *#outside(done: Promise<void> | undefined): Activity<void> {
    if (done !== undefined) yield* this.#context.queue.outside(done).value();
  }

  *#runStream(operations: readonly Operation[]): Activity<void> {
    const { gapNs } = this.#context.launch;
    let freeNs = Number.NEGATIVE_INFINITY;
    for (const operation of operations) {
      let afterNs = freeNs;
      for (const gate of operation.gates) afterNs = Math.max(afterNs, yield* this.#ends.of(gate));
      const launchNs = yield* this.#host.launchNs(operation.id, 0);
      const couldNs = Math.max(afterNs + gapNs, this.#host.earliestNs(launchNs));
      const startNs = this.#context.disturbance.awakeNs(couldNs);
      yield* this.#outside(this.#hooks.rowBegins(operation.row));
      this.#hooks.onOperation(operation);
      const times = yield* this.#time(operation, startNs);
      freeNs = times.streamFreeNs;
      this.#hooks.onOperationEnd(operation, startNs, times.endNs);
      this.#ends.tell(operation.id, times.endNs);
      this.#freed.tell(operation.id, times.streamFreeNs);
    }
  }

  *#time(operation: Operation, startNs: number): Activity<{ endNs: number; streamFreeNs: number }> {
    if (operation.kind === 'compute') return yield* this.#timeCompute(operation, startNs);
    const endNs = yield* this.#timeCollective(operation, startNs);
    return { endNs, streamFreeNs: endNs };
  }

  #record(operation: Operation, index: number, startNs: number, endNs: number, launchNs: number): void {
    if (!operation.recorded) return;
    const { stream = operation.stream, kernel } = operation.kernels[index];
    this.#context.timeline.events.push(stream, kernel, operation.id, startNs, endNs, launchNs);
  }

  *#timeCompute(operation: Operation, startNs: number): Activity<{ endNs: number; streamFreeNs: number }> {
    const { endNs, freeNs, intervals, launches } = yield* this.#phases.time(operation, startNs);
    intervals.forEach((interval, index) => {
      this.#record(operation, index, interval.startNs, interval.endNs, launches[index]);
    });
    return { endNs, streamFreeNs: freeNs };
  }

  /**
   * SMs of a kernel of a collective: for computation, what a compute operation that holds SMs when it starts leaves, or the
   * whole GPU. The communication kernels' own times were measured on the SMs that they hold.
   */
  *#smsOf(operation: Operation, index: number, startNs: number, notified: boolean): Activity<number> {
    const { configuration, program, launch } = this.#context;
    const { schedule, hardware } = configuration;
    const { class: type } = program.kernels[operation.kernels[index].kernel];
    if (type !== 'compute' || operation.kind !== 'collective') return hardware.gpu.sms;
    const spans = yield* this.#phases.beside(operation, notified, undefined);
    const isBeside = spans.some((span) => loadAt([{ ...span, load: 1 }], operation, startNs, launch.gapNs) > 0);
    return isBeside ? Math.max(1, schedule.communicationSms) : hardware.gpu.sms;
  }

  *#timeCollective(operation: Operation, startNs: number): Activity<number> {
    const { launch, disturbance } = this.#context;
    const { gapNs } = launch;
    if (operation.kind === 'wait') {
      // The receive kernel's own time follows the rows that the transfer brings.
      yield* this.#outside(this.#hooks.tokensArrived(operation));
      yield* this.#transferOf(operation);
    }
    let kernelStartNs = startNs;
    let endNs = startNs;
    let notified = false;
    for (const [index, kernel] of operation.kernels.entries()) {
      const launchNs = yield* this.#host.launchNs(operation.id, index);
      if (index > 0) {
        kernelStartNs = disturbance.awakeNs(Math.max(endNs + gapNs, this.#host.earliestNs(launchNs)));
      }
      const sms = yield* this.#smsOf(operation, index, kernelStartNs, notified);
      const aloneNs = this.#kernels.ofCollective(operation, index, sms);
      // Of what a collective consists of, only the cast is compute.
      const slowed = kernel.role === undefined ? disturbance : {};
      const { soloNs } = disturbedWork({ soloNs: aloneNs, besideNs: aloneNs }, slowed, kernelStartNs);
      if (kernel.role === 'notify') {
        endNs = Math.max(kernelStartNs + soloNs, yield* timeNotify(this.#context, operation, kernelStartNs));
        notified = true;
        this.#host.notified(operation.id, endNs);
      } else if (kernel.role === 'transfer') {
        endNs = yield* this.#timeTransfer(operation, kernelStartNs, soloNs);
      } else {
        endNs = kernelStartNs + soloNs;
      }
      this.#record(operation, index, kernelStartNs, endNs, launchNs);
    }
    return endNs;
  }

  /** @returns when the last byte is there of the transfer that a wait waits for. */
  *#transferOf({ phase, issue }: Operation): Activity<number> {
    const transfer = this.#transfers.get(issue!);
    if (transfer === undefined) throw new InvariantError(`${phase} waits for a transfer that nothing has issued`);
    return yield* transfer.value();
  }

  /** The kernel that moves the tokens: to its end for a collective, to the end of sending for an issue. */
  *#timeTransfer(operation: Operation, startNs: number, soloNs: number): Activity<number> {
    const { collective } = operation;
    if (operation.kind === 'issue') {
      const readyNs = startNs + soloNs;
      this.#transfers.set(operation.id, this.#context.queue.start(this.#timeBackground(operation, startNs, readyNs)));
      return readyNs;
    }
    if (operation.kind === 'wait') {
      return Math.max(startNs, yield* this.#transferOf(operation)) + soloNs;
    }
    const resident = holdsSms(operation);
    if (resident) {
      this.#phases.transferBegins(operation, startNs);
      this.#context.spans.set(operation.id, yield* this.#phases.beside(operation, true, startNs));
    }
    yield* this.#outside(this.#hooks.tokensArrived(operation));
    const endNs = Math.max(yield* this.#exchange(operation, startNs), startNs + soloNs);
    if (collective!.type === 'dispatch' && collective!.mode !== 'pipeline') this.#noteReceived(operation);
    this.#context.spans.delete(operation.id);
    if (resident) this.#phases.transferEnds(operation, endNs);
    return endNs;
  }

  *#exchange(operation: Operation, startNs: number): Activity<number> {
    const { mode, type } = operation.collective!;
    if (operation.peerRole !== undefined) return yield* timeHandOver(this.#context, operation, startNs);
    if (mode === 'pipeline') return yield* timePipeline(this.#context, operation, startNs);
    if (type === 'combine') return yield* timeCombine(this.#context, operation, startNs);
    const layout = yield* this.#context.queue.outside(this.#context.layout(operation)).value();
    return yield* timeDispatch(this.#context, operation, layout, startNs);
  }

  *#timeBackground(operation: Operation, issueNs: number, readyNs: number): Activity<number> {
    const arrivedNs = yield* timeLowLatency(this.#context, operation, readyNs);
    if (operation.recorded) this.#context.timeline.transfers.push(operation.id, issueNs, arrivedNs);
    if (operation.collective!.type === 'dispatch') this.#noteReceived(operation);
    this.#hooks.onTransfer(operation, issueNs, arrivedNs);
    return arrivedNs;
  }

  /** Keeps the row counts for the kernels of the experts' phases, and for the report. */
  #noteReceived(operation: Operation): void {
    const { received, timeline } = this.#context;
    const layout = received.get(receivedKey(operation));
    if (layout === undefined) return;
    const { receivedTokens } = layout;
    this.#kernels.note(operation, { rowsOfExperts: layout.expertRows, receivedTokens });
    if (!operation.recorded || operation.direction !== 'forward' || layout.expertRows.length === 0) return;
    const expertRows = layout.expertRows.reduce((sum, rows) => sum + rows, 0);
    const most = layout.expertRows.reduce((max, rows) => Math.max(max, rows), 0);
    timeline.receipts.push(operation.layer, operation.microBatch, receivedTokens, expertRows, most);
  }
}
