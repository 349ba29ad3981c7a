import { NODE_KIND } from './graph.js';
import type { EventGraph } from './graph.js';

/** What a replay changes; absent functions change nothing. All get a node's number and its time, and give the new one. */
export interface ReplayChange {
  /** Time of a local node, or what a receiving one takes once all is there. */
  readonly ownNs?: (node: number, ns: number) => number;
  /** What passes between the last rank's arrival and a node's end: bytes on their way, latency. */
  readonly tailNs?: (node: number, ns: number) => number;
  /**
   * Whether lags at the start of phases are kept. In captured traces they mix waits for events with what the host did,
   * and nothing says how much of it another timing would leave.
   */
  readonly keepPhaseLags: boolean;
}

/** When everything would happen. */
export interface ReplayedTimes {
  readonly startNs: Float64Array;
  readonly endNs: Float64Array;
  /** By hub: when the last of its nodes was there. */
  readonly hubNs: Float64Array;
}

/**
 * Finds an order in which every start and end comes behind what it follows from. Steps are numbered 2·node (start),
 * 2·node + 1 (end) and, behind all of them, one a hub.
 *
 * @returns undefined where things wait for each other in a circle, as clocks that are wrong can make them.
 */
export function replayOrder(graph: EventGraph): Uint32Array | undefined {
  const nodes = graph.startNs.length;
  const steps = 2 * nodes + graph.hubs.length;
  const missing = new Uint32Array(steps);
  // Typed and sized beforehand: millions of edges must fit.
  const edges = 2 * nodes + graph.before.length + graph.hubs.reduce((sum, hub) => sum + hub.nodes.length, 0);
  const sources = new Uint32Array(edges);
  const targets = new Uint32Array(edges);
  let edge = 0;
  const add = (from: number, to: number): void => {
    sources[edge] = from;
    targets[edge++] = to;
    missing[to]++;
  };
  for (let node = 0; node < nodes; node++) {
    add(2 * node, 2 * node + 1);
    for (let i = graph.beforeFrom[node]; i < graph.beforeFrom[node + 1]; i++) add(2 * graph.before[i] + 1, 2 * node);
    if (graph.kind[node] !== NODE_KIND.local) add(2 * nodes + graph.hub[node], 2 * node + 1);
  }
  graph.hubs.forEach(({ nodes: awaited, bySend }, hub) => {
    for (const node of awaited) add(2 * node + (bySend ? 1 : 0), 2 * nodes + hub);
  });
  const from = new Uint32Array(steps + 1);
  for (let i = 0; i < edge; i++) from[sources[i] + 1]++;
  for (let step = 0; step < steps; step++) from[step + 1] += from[step];
  const followers = new Uint32Array(edge);
  const next = from.slice(0, steps);
  for (let i = 0; i < edge; i++) followers[next[sources[i]]++] = targets[i];
  const order = new Uint32Array(steps);
  let count = 0;
  for (let step = 0; step < steps; step++) if (missing[step] === 0) order[count++] = step;
  for (let at = 0; at < count; at++) {
    const step = order[at];
    for (let i = from[step]; i < from[step + 1]; i++) if (--missing[followers[i]] === 0) order[count++] = followers[i];
  }
  return count === steps ? order : undefined;
}

const same = (_node: number, ns: number): number => ns;

/** @returns room for the times of a graph. */
function timesOf(graph: EventGraph): ReplayedTimes {
  const nodes = graph.startNs.length;
  return {
    startNs: new Float64Array(nodes),
    endNs: new Float64Array(nodes),
    hubNs: new Float64Array(graph.hubs.length),
  };
}

/**
 * Times everything again, with changes.
 *
 * @param order see {@link replayOrder}.
 * @param into a replay of the same graph whose times are of no use any more: they are written over.
 */
export function replayGraph(
  graph: EventGraph,
  order: Uint32Array,
  change: ReplayChange,
  into = timesOf(graph),
): ReplayedTimes {
  const { ownNs = same, tailNs = same, keepPhaseLags } = change;
  const nodes = graph.startNs.length;
  const { startNs, endNs, hubNs } = into;
  for (const step of order) {
    if (step >= 2 * nodes) {
      const { nodes: awaited, bySend } = graph.hubs[step - 2 * nodes];
      const times = bySend ? endNs : startNs;
      let latest = Number.NEGATIVE_INFINITY;
      for (const node of awaited) latest = Math.max(latest, times[node]);
      hubNs[step - 2 * nodes] = latest;
      continue;
    }
    const node = step >> 1;
    if ((step & 1) === 0) {
      const [from, to] = [graph.beforeFrom[node], graph.beforeFrom[node + 1]];
      let latest = from === to ? 0 : Number.NEGATIVE_INFINITY;
      for (let i = from; i < to; i++) latest = Math.max(latest, endNs[graph.before[i]]);
      startNs[node] = latest + (keepPhaseLags || graph.lagInPhase[node] === 1 ? graph.lagNs[node] : 0);
      continue;
    }
    const hub = graph.hub[node];
    const kind = graph.kind[node];
    if (kind === NODE_KIND.local) endNs[node] = startNs[node] + ownNs(node, graph.tailNs[node]) + graph.gapNs[node];
    else if (kind === NODE_KIND.synchronise) endNs[node] = hubNs[hub] + tailNs(node, graph.tailNs[node]);
    else {
      const arrivedNs = hubNs[hub] + tailNs(node, graph.tailNs[node]);
      endNs[node] = Math.max(startNs[node], arrivedNs) + ownNs(node, graph.soloNs[node]);
    }
  }
  return into;
}
