import { rolesOf, routerShapeOf } from '@epemu/config';
import type { Configuration } from '@epemu/config';
import type { Era } from '@epemu/presets';
import { nodesPerToken, ranksPerToken, routeTokens } from '@epemu/routing';
import type { RankTimeline } from '@epemu/timeline';
import { collectiveConfiguration } from './collective-configuration.js';
import type { CollectiveOptions } from './collective-configuration.js';
import { runInMemory } from './in-memory.js';
import type { InMemoryRun } from './in-memory.js';

/** One collective alone, as DeepEP's tests print theirs. */
export interface CollectiveFigures {
  /** From when the last rank starts to the mean rank's end, µs. */
  readonly us: number;
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
  readonly tokens: number;
  readonly era: Era;
  readonly hidden: number;
  readonly topK: number;
  /** SMs of the transfer kernels; 0 in low-latency mode. */
  readonly sms: number;
  readonly nodes: number;
  /** Distinct nodes and ranks of a token, the own ones included. */
  readonly nodesPerToken: number;
  readonly ranksPerToken: number;
  readonly dispatch: CollectiveFigures;
  readonly combine: CollectiveFigures;
}

/** Mean over ranks of the distinct nodes and ranks that a token goes to. */
function spreadOf(configuration: Configuration): { nodesPerToken: number; ranksPerToken: number } {
  const { model, ranks, seed, routing, promptLengths = [] } = configuration;
  const [tokens] = promptLengths;
  const shape = routerShapeOf(configuration, rolesOf(configuration)[0].group);
  const ids = new Uint16Array(tokens * model.topK);
  const weights = new Float32Array(tokens * model.topK);
  let [nodes, ranksReached] = [0, 0];
  for (let rank = 0; rank < ranks; rank++) {
    routeTokens({ kind: routing, seed, layer: 0, microBatch: 0, rank, tokens, shape }, ids, weights);
    nodes += nodesPerToken(ids, tokens, shape);
    ranksReached += ranksPerToken(ids, tokens, shape);
  }
  return { nodesPerToken: nodes / ranks, ranksPerToken: ranksReached / ranks };
}

/** Time of one collective, µs. @param phases of which it consists. */
function microsecondsOf(run: InMemoryRun, phases: readonly string[]): number {
  const ids = new Set(run.program.operations.filter(({ phase }) => phases.includes(phase)).map(({ id }) => id));
  const extents = run.timelines.map((timeline) => extentOf(timeline, ids));
  const startNs = Math.max(...extents.map((extent) => extent.startNs));
  const endNs = extents.reduce((sum, extent) => sum + extent.endNs, 0) / extents.length;
  return (endNs - startNs) / 1000;
}

function extentOf({ events }: RankTimeline, ids: ReadonlySet<number>): { startNs: number; endNs: number } {
  const [operation, start, end] = (['operation', 'startNs', 'endNs'] as const).map((name) => events.column(name));
  let [startNs, endNs] = [Number.POSITIVE_INFINITY, 0];
  operation.forEach((id, row) => {
    if (!ids.has(id)) return;
    startNs = Math.min(startNs, start[row]);
    endNs = Math.max(endNs, end[row]);
  });
  return { startNs, endNs };
}

/**
 * Runs one dispatch and one combine with nothing beside them, over live ranks in this process.
 * @throws BadInputError naming what cannot be.
 */
export async function runCollective(options: CollectiveOptions): Promise<CollectiveResult> {
  const configuration = collectiveConfiguration(options);
  const { ranks, era, model, schedule, hardware } = configuration;
  const run = await runInMemory(configuration);
  const tokens = configuration.promptLengths![0];
  const nodes = Math.max(1, Math.ceil(ranks / hardware.nodeSize));
  const spread = spreadOf(configuration);
  const lowLatency = options.mode === 'low-latency';
  const copiesPerToken = lowLatency ? model.topK : nodes === 1 ? spread.ranksPerToken : spread.nodesPerToken;
  const figures = (name: string, bytesPerCopy: number): CollectiveFigures => {
    const us = microsecondsOf(run, lowLatency ? [`issue ${name}`, `wait ${name}`] : [name]);
    const bytes = Math.round(tokens * copiesPerToken * bytesPerCopy);
    return { us, gbps: bytes / us / 1000, bytes };
  };
  const { dispatch, lowLatencyDispatch, combine } = model.bytesPerToken;
  return {
    mode: options.mode,
    ranks,
    tokens,
    era,
    hidden: model.hidden,
    topK: model.topK,
    sms: schedule.communicationSms,
    nodes,
    ...spread,
    dispatch: figures('DISPATCH', lowLatency ? lowLatencyDispatch : dispatch),
    combine: figures('COMBINE', combine),
  };
}
