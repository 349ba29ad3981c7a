import { InvariantError, hash32, normalQuantile } from '@epemu/core';
import type { Sizes } from '@epemu/kernels';
import { blocksHost, idLimit } from '@epemu/schedule';
import type { Operation } from '@epemu/schedule';
import { timeComputePhase } from '@epemu/timeline';
import type { PhaseKernelTiming } from '@epemu/timeline';
import { receivedKey } from './context.js';
import type { TimingContext } from './context.js';
import type { Activity, TimingEvent } from './event-queue.js';
import { HostClock } from './host.js';
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

/** Distinguishes the jitter's draws from all others made of the same seed. */
const JITTER_DRAW = 0x6a697474;

/** Rows that the rank's experts got in a dispatch, and how many tokens these belong to. */
interface ReceivedRows {
  readonly rowsOfExperts: Float64Array;
  readonly receivedTokens: number;
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
  /** When compute operations run: a start is told before its end. */
  readonly #computeStarts: OperationTimes;
  readonly #computeEnds: OperationTimes;
  /** For issues: when the last byte that this rank needs is there. */
  readonly #transfers = new Map<number, TimingEvent<number>>();
  readonly #receivedRows = new Map<string, ReceivedRows>();
  /** What phases of a micro-batch work on without rows of experts, and with those of its last layer. */
  readonly #sizesWithoutRows = new Map<number, Sizes>();
  readonly #sizesWithRows = new Map<number, { received: ReceivedRows; sizes: Sizes }>();

  constructor(context: TimingContext, hooks: TimingHooks) {
    this.#context = context;
    this.#hooks = hooks;
    this.#host = new HostClock(context.queue, context.program, context.configuration.hardware.host);
    const length = idLimit(context.program);
    this.#ends = new OperationTimes(context.queue, length);
    this.#computeStarts = new OperationTimes(context.queue, length);
    this.#computeEnds = new OperationTimes(context.queue, length);
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
    const gapNs = this.#context.configuration.hardware.kernelGapNs;
    let freeNs = Number.NEGATIVE_INFINITY;
    for (const operation of operations) {
      let afterNs = freeNs;
      for (const gate of operation.gates) afterNs = Math.max(afterNs, yield* this.#ends.of(gate));
      const launchNs = yield* this.#host.launchNs(operation.id, 0);
      const startNs = Math.max(afterNs + gapNs, this.#host.earliestNs(launchNs));
      yield* this.#outside(this.#hooks.rowBegins(operation.row));
      this.#hooks.onOperation(operation);
      const times = yield* this.#time(operation, startNs);
      freeNs = times.streamFreeNs;
      this.#hooks.onOperationEnd(operation, startNs, times.endNs);
      this.#ends.tell(operation.id, times.endNs);
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

  /** Sizes that an operation's kernels work on; made anew only when rows are, which takes longer than timing. */
  #sizes(operation: Operation): Sizes {
    const { microBatch } = operation;
    const received = this.#receivedRows.get(receivedKey(operation));
    if (received === undefined) {
      let sizes = this.#sizesWithoutRows.get(microBatch);
      if (sizes === undefined) this.#sizesWithoutRows.set(microBatch, (sizes = this.#newSizes(microBatch, received)));
      return sizes;
    }
    const last = this.#sizesWithRows.get(microBatch);
    if (last?.received === received) return last.sizes;
    const sizes = this.#newSizes(microBatch, received);
    this.#sizesWithRows.set(microBatch, { received, sizes });
    return sizes;
  }

  #newSizes(microBatch: number, received: ReceivedRows | undefined): Sizes {
    const { catalogue, microBatches } = this.#context;
    const { tokens, attentionPairs } = microBatches[microBatch];
    return catalogue.sizesOf({
      tokens,
      attentionPairs,
      rowsOfExperts: received?.rowsOfExperts ?? [],
      receivedTokens: received?.receivedTokens ?? 0,
    });
  }

  /** How much longer this rank's compute takes than the model says: jitter and injected slowness. */
  #slowness(operation: Operation): number {
    const { configuration, rank } = this.#context;
    const draw = normalQuantile(hash32(configuration.seed, JITTER_DRAW, rank, operation.id));
    const slow = configuration.slowRanks.find((entry) => entry.rank === rank)?.factor ?? 1;
    return Math.max(0.1, 1 + configuration.jitter * draw) * slow;
  }

  #soloNs(operation: Operation, index: number, sizes: Sizes, sms: number, slowness: number): number {
    const { catalogue, record } = this.#context;
    const kernel = catalogue.kernels(operation.list)[index];
    // Never a guess: whether rows are known yet would depend on the host's order.
    if (kernel.followsRows && !this.#receivedRows.has(receivedKey(operation))) {
      throw new InvariantError(`${operation.phase} of layer ${operation.layer} is timed before its rows are known`);
    }
    const soloNs = Math.round(kernel.durationNs(sizes, sms) * slowness);
    record.durations.push(operation.id, index, soloNs);
    return soloNs;
  }

  *#timeCompute(operation: Operation, startNs: number): Activity<{ endNs: number; streamFreeNs: number }> {
    const { computeSms } = this.#context.configuration.schedule;
    const sizes = this.#sizes(operation);
    const slowness = this.#slowness(operation);
    const kernels: PhaseKernelTiming[] = [];
    const launches: number[] = [];
    for (const [index, { stream, after }] of operation.kernels.entries()) {
      const launchNs = yield* this.#host.launchNs(operation.id, index);
      launches.push(launchNs);
      kernels.push({
        stream: stream ?? operation.stream,
        soloNs: this.#soloNs(operation, index, sizes, computeSms, slowness),
        after,
        launchedNs: this.#host.earliestNs(launchNs),
      });
    }
    const intervals = timeComputePhase(kernels, startNs, this.#context.configuration.hardware.kernelGapNs);
    let endNs = startNs;
    let streamFreeNs = startNs;
    intervals.forEach((interval, index) => {
      this.#record(operation, index, interval.startNs, interval.endNs, launches[index]);
      endNs = Math.max(endNs, interval.endNs);
      if (kernels[index].stream === operation.stream) streamFreeNs = Math.max(streamFreeNs, interval.endNs);
    });
    this.#computeStarts.tell(operation.id, startNs);
    this.#computeEnds.tell(operation.id, endNs);
    return { endNs, streamFreeNs };
  }

  /**
   * Whether a compute operation holds its SMs when a kernel of a collective starts. An operation holds them until the
   * next on its stream could start; of two that start at once the one launched first does.
   */
  *#runsBesideCompute(operation: Operation, startNs: number, notified: boolean): Activity<boolean> {
    const { program, configuration } = this.#context;
    for (const id of operation.beside) {
      // What the CPU launches behind this operation's notify has not started before the notify has ended.
      if (!notified && id > operation.id && blocksHost(program, operation)) continue;
      const endNs = yield* this.#computeEnds.of(id);
      const begunNs = yield* this.#computeStarts.of(id);
      const started = begunNs < startNs || (begunNs === startNs && id < operation.id);
      if (started && startNs < endNs + configuration.hardware.kernelGapNs) return true;
    }
    return false;
  }

  *#timeCollective(operation: Operation, startNs: number): Activity<number> {
    const { hardware } = this.#context.configuration;
    if (operation.kind === 'wait') {
      // The receive kernel's own time follows the rows that the transfer brings.
      yield* this.#outside(this.#hooks.tokensArrived(operation));
      yield* this.#transferOf(operation);
    }
    const sizes = this.#sizes(operation);
    let kernelStartNs = startNs;
    let endNs = startNs;
    let notified = false;
    for (const [index, kernel] of operation.kernels.entries()) {
      const launchNs = yield* this.#host.launchNs(operation.id, index);
      if (index > 0) kernelStartNs = Math.max(endNs + hardware.kernelGapNs, this.#host.earliestNs(launchNs));
      const beside = yield* this.#runsBesideCompute(operation, kernelStartNs, notified);
      // The cast before a collective is compute and slows with its rank; the collective's own kernels do not.
      const slowness = kernel.role === undefined ? this.#slowness(operation) : 1;
      const soloNs = this.#soloNs(operation, index, sizes, this.#smsOf(operation, index, beside), slowness);
      if (kernel.role === 'notify') {
        endNs = Math.max(kernelStartNs + soloNs, yield* timeNotify(this.#context, operation, kernelStartNs));
        notified = true;
        this.#host.notified(operation.id, endNs);
      } else if (kernel.role === 'transfer') {
        if (beside) this.#context.contended.add(operation.id);
        endNs = yield* this.#timeTransfer(operation, kernelStartNs, soloNs);
      } else {
        endNs = kernelStartNs + soloNs;
      }
      this.#record(operation, index, kernelStartNs, endNs, launchNs);
    }
    return endNs;
  }

  /**
   * SMs of a kernel of a collective: for computation, what a compute operation beside it leaves, or the whole GPU. The
   * communication kernels' own times were measured on the SMs that they hold.
   */
  #smsOf(operation: Operation, index: number, beside: boolean): number {
    const { configuration, program } = this.#context;
    const { schedule, hardware } = configuration;
    const { class: type } = program.kernels[operation.kernels[index].kernel];
    if (type === 'compute' && beside) return Math.max(1, schedule.communicationSms);
    return hardware.gpu.sms;
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
    yield* this.#outside(this.#hooks.tokensArrived(operation));
    const endNs = yield* this.#exchange(operation, startNs);
    if (collective!.type === 'dispatch' && collective!.mode !== 'pipeline') this.#noteReceived(operation);
    return Math.max(endNs, startNs + soloNs);
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
    this.#receivedRows.set(receivedKey(operation), { rowsOfExperts: layout.expertRows, receivedTokens });
    if (!operation.recorded || operation.direction !== 'forward' || layout.expertRows.length === 0) return;
    const expertRows = layout.expertRows.reduce((sum, rows) => sum + rows, 0);
    const most = layout.expertRows.reduce((max, rows) => Math.max(max, rows), 0);
    timeline.receipts.push(operation.layer, operation.microBatch, receivedTokens, expertRows, most);
  }
}
