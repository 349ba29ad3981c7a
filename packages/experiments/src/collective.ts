import type { Era } from '@epemu/presets';
import type { RankTimeline } from '@epemu/timeline';
import { collectiveConfiguration } from './collective-configuration.js';
import type { CollectiveOptions } from './collective-configuration.js';
import { RunTimer } from './in-memory.js';
import type { LaidOutRun, TimedRun } from './in-memory.js';

/** One collective alone, as DeepEP's tests print theirs. */
export interface CollectiveFigures {
  /** From when the last rank starts to the mean rank's end (see `boundary` of the result), µs. */
  readonly us: number;
  /**
   * The same of the transfer kernels alone, without the notify before them; in low-latency mode, which has none, as `us`.
   */
  readonly transferUs: number;
  /** Logical GB/s: `bytes` over `us`. */
  readonly gbps: number;
  /**
   * What the mean rank moves in all, as DeepEP counts it: low-latency, every (token, expert) pair; normal mode, every
   * (token, node) pair, the own node's included; on one node every token that the rank receives, its own included.
   */
  readonly bytes: number;
}

/** What {@link runCollective} measured, with the options it settled on. */
export interface CollectiveResult {
  readonly mode: 'normal' | 'low-latency';
  readonly ranks: number;
  /** Name of the hardware preset. */
  readonly hardware: string;
  /** What `us` is, in words: which kernels, from when to when, over which ranks. */
  readonly boundary: string;
  readonly tokens: number;
  readonly era: Era;
  readonly hidden: number;
  readonly topK: number;
  readonly experts: number;
  /** SMs of the transfer kernels; 0 in low-latency mode. */
  readonly sms: number;
  readonly nodes: number;
  /** Distinct nodes and ranks of a token, the own ones included. */
  readonly nodesPerToken: number;
  readonly ranksPerToken: number;
  readonly dispatch: CollectiveFigures;
  readonly combine: CollectiveFigures;
}

function boundaryOf(lowLatency: boolean, slowest: boolean): string {
  const kernels = lowLatency ? 'the send and receive kernels' : 'the notify and the transfer kernel';
  return `${kernels}, from when the last rank starts them to when the ${slowest ? 'slowest' : 'mean'} rank ends them`;
}

/** Mean over ranks of the distinct nodes and ranks that a token goes to, in the only exchange of a run. */
function spreadOf({ configuration, layoutOf }: LaidOutRun): { nodesPerToken: number; ranksPerToken: number } {
  const { ranks } = configuration;
  let [tokens, toNodes, toRanks] = [0, 0, 0];
  for (let rank = 0; rank < ranks; rank++) {
    const layout = layoutOf(rank, 0);
    tokens += layout.tokens;
    for (const node of layout.nodes) {
      toNodes += node.tokens.length;
      for (const count of node.fanOut) toRanks += count;
    }
  }
  return { nodesPerToken: toNodes / tokens, ranksPerToken: toRanks / tokens };
}

/** What to time of a collective: the phases of which it consists, all kernels or its transfers', to which rank's end. */
interface Boundary {
  readonly phases: readonly string[];
  readonly transfersOnly: boolean;
  readonly slowest: boolean;
}

/** Time of one collective, µs. */
function microsecondsOf(run: TimedRun, { phases, transfersOnly, slowest }: Boundary): number {
  /** Kernels by operation. */
  const timed = new Map(
    run.program.operations
      .filter(({ phase }) => phases.includes(phase))
      .map(({ id, kernels }) => [
        id,
        new Set(kernels.filter(({ role }) => !transfersOnly || role === 'transfer').map(({ kernel }) => kernel)),
      ]),
  );
  const extents = run.timelines.map((timeline) => extentOf(timeline, timed));
  const startNs = Math.max(...extents.map((extent) => extent.startNs));
  const ends = extents.map((extent) => extent.endNs);
  const endNs = slowest ? Math.max(...ends) : ends.reduce((sum, end) => sum + end, 0) / ends.length;
  return (endNs - startNs) / 1000;
}

function extentOf(
  { events }: RankTimeline,
  timed: ReadonlyMap<number, ReadonlySet<number>>,
): { startNs: number; endNs: number } {
  const names = ['operation', 'kernel', 'startNs', 'endNs'] as const;
  const [operation, kernel, start, end] = names.map((name) => events.column(name));
  let [startNs, endNs] = [Number.POSITIVE_INFINITY, 0];
  operation.forEach((id, row) => {
    if (timed.get(id)?.has(kernel[row]) !== true) return;
    startNs = Math.min(startNs, start[row]);
    endNs = Math.max(endNs, end[row]);
  });
  return { startNs, endNs };
}

/**
 * Times one dispatch and one combine with nothing beside them, over live ranks in this process.
 * @param timer keeps what routers decide from one collective to the next that routes alike.
 * @throws BadInputError naming what cannot be.
 */
export async function runCollective(options: CollectiveOptions, timer = new RunTimer()): Promise<CollectiveResult> {
  const configuration = collectiveConfiguration(options);
  const { ranks, era, model, schedule, hardware } = configuration;
  const run = await timer.time(configuration);
  const tokens = configuration.promptLengths![0];
  const nodes = Math.max(1, Math.ceil(ranks / hardware.nodeSize));
  const spread = spreadOf(run);
  const lowLatency = options.mode === 'low-latency';
  const { slowest = false } = options;
  const copiesPerToken = lowLatency ? model.topK : nodes === 1 ? spread.ranksPerToken : spread.nodesPerToken;
  const figures = (name: string, bytesPerCopy: number): CollectiveFigures => {
    const phases = lowLatency ? [`issue ${name}`, `wait ${name}`] : [name];
    const of = (transfersOnly: boolean): number => microsecondsOf(run, { phases, transfersOnly, slowest });
    const us = of(false);
    const bytes = Math.round(tokens * copiesPerToken * bytesPerCopy);
    return { us, transferUs: of(true), gbps: bytes / us / 1000, bytes };
  };
  const { dispatch, lowLatencyDispatch, combine } = model.bytesPerToken;
  return {
    mode: options.mode,
    ranks,
    hardware: hardware.name,
    boundary: boundaryOf(lowLatency, slowest),
    tokens,
    era,
    hidden: model.hidden,
    topK: model.topK,
    experts: model.experts,
    sms: schedule.communicationSms,
    nodes,
    ...spread,
    dispatch: figures('DISPATCH', lowLatency ? lowLatencyDispatch : dispatch),
    combine: figures('COMBINE', combine),
  };
}
