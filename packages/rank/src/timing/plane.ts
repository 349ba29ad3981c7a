import { InvariantError, deferred, hash32, normalQuantile } from '@epemu/core';
import type { Deferred } from '@epemu/core';
import { kernelDurationNs } from '@epemu/presets';
import type { KernelContext } from '@epemu/presets';
import type { Operation } from '@epemu/schedule';
import { timeComputePhase } from '@epemu/timeline';
import { receivedKey } from './context.js';
import type { TimingContext } from './context.js';
import { timeCombine } from './normal-combine.js';
import { timeDispatch } from './normal-dispatch.js';
import { timeNotify } from './notify.js';
import { timeLowLatency, timePipeline } from './single-hop.js';

/** What the timing of a rank asks of the rest of it. */
export interface TimingHooks {
  /** Called when an operation starts; a fault may end the process here. */
  onOperation(operation: Operation): void;
  /** Resolves when the real tokens of a collective have arrived: virtual time does not run ahead of the data. */
  tokensArrived(operation: Operation): Promise<void>;
}

/** Distinguishes the jitter's draws from all others made of the same seed. */
const JITTER_DRAW = 0x6a697474;

/**
 * Times one rank's program: a loop per stream, in launch order, joined by gates. Nothing here reads a host clock, and
 * what a loop waits for is either the rank's own operation or a complete set of headers.
 */
export class TimingPlane {
  readonly #context: TimingContext;
  readonly #hooks: TimingHooks;
  readonly #ends: Deferred<number>[];
  /** For issues: when the last byte that this rank needs is there. */
  readonly #transfers = new Map<number, Promise<number>>();
  readonly #expertRows = new Map<string, { expertRows: number; receivedTokens: number }>();

  constructor(context: TimingContext, hooks: TimingHooks) {
    this.#context = context;
    this.#hooks = hooks;
    this.#ends = context.program.operations.map(() => deferred<number>());
  }

  /** Runs the program to its end. @throws what any operation failed with. */
  async run(): Promise<void> {
    const { program } = this.#context;
    const loops = program.streams.map(({ id }) =>
      this.#runStream(program.operations.filter((operation) => operation.stream === id)),
    );
    await Promise.all(loops);
    await Promise.all(this.#transfers.values());
  }

  async #runStream(operations: readonly Operation[]): Promise<void> {
    const gapNs = this.#context.configuration.hardware.kernelGapNs;
    let freeNs = Number.NEGATIVE_INFINITY;
    for (const operation of operations) {
      let afterNs = freeNs;
      for (const gate of operation.gates) afterNs = Math.max(afterNs, await this.#ends[gate].promise);
      const startNs = Math.max(0, afterNs + gapNs);
      this.#hooks.onOperation(operation);
      const times = await this.#time(operation, startNs);
      freeNs = times.streamFreeNs;
      this.#ends[operation.id].resolve(times.endNs);
    }
  }

  async #time(operation: Operation, startNs: number): Promise<{ endNs: number; streamFreeNs: number }> {
    if (operation.kind === 'compute') return this.#timeCompute(operation, startNs);
    const endNs = await this.#timeCollective(operation, startNs);
    return { endNs, streamFreeNs: endNs };
  }

  #record(operation: Operation, index: number, startNs: number, endNs: number): void {
    if (!operation.recorded) return;
    const kernel = operation.kernels[index];
    this.#context.timeline.events.push(kernel.stream ?? operation.stream, kernel.kernel, operation.id, startNs, endNs);
  }

  #kernelContext(operation: Operation): KernelContext {
    const { configuration, microBatches } = this.#context;
    const batch = microBatches[operation.microBatch];
    const received = this.#expertRows.get(receivedKey(operation));
    const { computeSms, communicationSms } = configuration.schedule;
    return {
      tokens: batch.tokens,
      attentionWork: batch.attentionWork,
      expertRows: received?.expertRows ?? 0,
      receivedTokens: received?.receivedTokens ?? 0,
      sms: operation.kind === 'collective' && communicationSms > 0 ? communicationSms : computeSms,
    };
  }

  /** How much longer this rank's compute takes than the model says: jitter and injected slowness. */
  #slowness(operation: Operation): number {
    const { configuration, rank } = this.#context;
    const draw = normalQuantile(hash32(configuration.seed, JITTER_DRAW, rank, operation.id));
    const slow = configuration.slowRanks.find((entry) => entry.rank === rank)?.factor ?? 1;
    return Math.max(0.1, 1 + configuration.jitter * draw) * slow;
  }

  #soloNs(operation: Operation, index: number, context: KernelContext, slowness: number): number {
    const { configuration, operations } = this.#context;
    const cost = configuration.hardware.kernels[operation.kernels[index].cost];
    const followsRows = cost.work === 'expertRows' || cost.work === 'receivedTokens';
    // Never a guess: whether rows are known yet would depend on the host's order.
    if (followsRows && !this.#expertRows.has(receivedKey(operation))) {
      throw new InvariantError(`${operation.phase} of layer ${operation.layer} is timed before its rows are known`);
    }
    const soloNs = Math.round(kernelDurationNs(cost, context) * slowness);
    operations.durations.push(operation.id, index, soloNs);
    return soloNs;
  }

  #timeCompute(operation: Operation, startNs: number): { endNs: number; streamFreeNs: number } {
    const context = this.#kernelContext(operation);
    const slowness = this.#slowness(operation);
    const kernels = operation.kernels.map((kernel, index) => ({
      stream: kernel.stream ?? operation.stream,
      soloNs: this.#soloNs(operation, index, context, slowness),
      after: kernel.after,
    }));
    const intervals = timeComputePhase(kernels, startNs, this.#context.configuration.hardware.kernelGapNs);
    let endNs = startNs;
    let streamFreeNs = startNs;
    intervals.forEach((interval, index) => {
      this.#record(operation, index, interval.startNs, interval.endNs);
      endNs = Math.max(endNs, interval.endNs);
      if (kernels[index].stream === operation.stream) streamFreeNs = Math.max(streamFreeNs, interval.endNs);
    });
    return { endNs, streamFreeNs };
  }

  async #timeCollective(operation: Operation, startNs: number): Promise<number> {
    const { hardware } = this.#context.configuration;
    if (operation.kind === 'wait') {
      // The receive kernel's own time follows the rows that the transfer brings.
      await this.#hooks.tokensArrived(operation);
      await this.#transfers.get(operation.issue!);
    }
    const context = this.#kernelContext(operation);
    let kernelStartNs = startNs;
    let endNs = startNs;
    for (const [index, kernel] of operation.kernels.entries()) {
      // The cast before a collective is compute and slows with its rank; the collective's own kernels do not.
      const slowness = kernel.role === undefined ? this.#slowness(operation) : 1;
      const soloNs = this.#soloNs(operation, index, context, slowness);
      const hostLagNs = hardware.notifyHostLagNs;
      const afterNotify = operation.kernels[index - 1]?.role === 'notify';
      // The host polls for the counts that a notify brought before it can launch an uncached dispatch.
      if (afterNotify && !operation.collective!.cached) kernelStartNs += hostLagNs;
      if (kernel.role === 'notify') {
        endNs = Math.max(kernelStartNs + soloNs, await timeNotify(this.#context, operation, kernelStartNs));
      } else if (kernel.role === 'transfer') {
        endNs = await this.#timeTransfer(operation, kernelStartNs, soloNs);
      } else {
        endNs = kernelStartNs + soloNs;
      }
      this.#record(operation, index, kernelStartNs, endNs);
      kernelStartNs = endNs + hardware.kernelGapNs;
    }
    return endNs;
  }

  /** The kernel that moves the tokens: to its end for a collective, to the end of sending for an issue. */
  async #timeTransfer(operation: Operation, startNs: number, soloNs: number): Promise<number> {
    const { collective } = operation;
    if (operation.kind === 'issue') {
      const readyNs = startNs + soloNs;
      const arrival = this.#timeBackground(operation, startNs, readyNs);
      // Whoever waits sees the failure; here it must only not count as unhandled until then.
      arrival.catch(() => undefined);
      this.#transfers.set(operation.id, arrival);
      return readyNs;
    }
    if (operation.kind === 'wait') {
      const arrivedNs = (await this.#transfers.get(operation.issue!)) ?? startNs;
      return Math.max(startNs, arrivedNs) + soloNs;
    }
    await this.#hooks.tokensArrived(operation);
    const endNs = await this.#exchange(operation, startNs);
    if (collective!.type === 'dispatch' && collective!.mode !== 'pipeline') this.#noteReceived(operation);
    return Math.max(endNs, startNs + soloNs);
  }

  async #exchange(operation: Operation, startNs: number): Promise<number> {
    const { mode, type } = operation.collective!;
    if (mode === 'pipeline') return timePipeline(this.#context, operation, startNs);
    if (type === 'combine') return timeCombine(this.#context, operation, startNs);
    const layout = await this.#context.layout(operation.layer, operation.microBatch);
    return timeDispatch(this.#context, operation, layout, startNs);
  }

  async #timeBackground(operation: Operation, issueNs: number, readyNs: number): Promise<number> {
    const arrivedNs = await timeLowLatency(this.#context, operation, readyNs);
    if (operation.recorded) this.#context.timeline.windows.push(operation.id, issueNs, arrivedNs);
    if (operation.collective!.type === 'dispatch') this.#noteReceived(operation);
    return arrivedNs;
  }

  /** Keeps the row counts for the kernels of the experts' phases, and for the report. */
  #noteReceived(operation: Operation): void {
    const { received, timeline } = this.#context;
    const layout = received.get(receivedKey(operation));
    if (layout === undefined) return;
    const expertRows = layout.expertRows.reduce((sum, rows) => sum + rows, 0);
    const { receivedTokens } = layout;
    this.#expertRows.set(receivedKey(operation), { expertRows, receivedTokens });
    if (!operation.recorded || operation.direction !== 'forward') return;
    const most = layout.expertRows.reduce((max, rows) => Math.max(max, rows), 0);
    timeline.receipts.push(operation.layer, operation.microBatch, receivedTokens, expertRows, most);
  }
}
