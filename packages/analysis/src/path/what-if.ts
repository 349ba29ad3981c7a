import { largest, microseconds, ratio, rounded } from '@epemu/timeline';
import { KERNEL_CLASSES } from '../kernel-role.js';
import { NODE_KIND } from './graph.js';
import type { EventGraph } from './graph.js';
import { replayGraph } from './replay.js';
import type { ReplayChange } from './replay.js';

/** What would change and what it would bring, by replaying the graph. */
export interface WhatIf {
  readonly id: string;
  /** `communication takes no time`, … */
  readonly what: string;
  /** When the last kernel would end, counted as the trace's own times. */
  readonly endUs: number;
  /** Against the replay of what was, unchanged. */
  readonly savedUs: number;
  readonly savedPct: number;
}

/** What a replay of the graph says. */
export interface WhatIfs {
  /** When the last kernel did end. */
  readonly measuredEndUs: number;
  /** When it ends in a replay that changes nothing. */
  readonly replayedEndUs: number;
  readonly errorPct: number;
  readonly answers: readonly WhatIf[];
}

const COMMUNICATION = KERNEL_CLASSES.indexOf('communication');
/** How much faster a phase is taken to be. */
const FASTER = 0.8;
/** Phases asked about: those that take most time. */
const MOST_PHASES = 12;
/** Fewer ranks have no median worth the name. */
const LEAST_RANKS = 3;

type Change = Omit<ReplayChange, 'keepPhaseLags'>;

/** An issue and a wait are the two ends of one transfer: what can be faster is that. */
function changeable(phase: string): string {
  return phase.replace(/^(?:issue|wait) /, '');
}

/** By node: an index into the names of phases, −1 for none. */
function phasesOf({ set, first, startNs }: EventGraph): { readonly names: string[]; readonly ofNode: Int32Array } {
  const names: string[] = [];
  const index = new Map<string, number>();
  const ofNode = new Int32Array(startNs.length).fill(-1);
  set.ranks.forEach(({ instances }, rankIndex) => {
    for (const { phase, rows } of instances) {
      const name = changeable(phase);
      let place = index.get(name);
      if (place === undefined) index.set(name, (place = names.push(name) - 1));
      for (const row of rows) ofNode[first[rankIndex] + row] = place;
    }
  });
  return { names, ofNode };
}

/** Phases by the time that their kernels take over all ranks, the most first. */
function longestPhases({ startNs, endNs }: EventGraph, { names, ofNode }: ReturnType<typeof phasesOf>): number[] {
  const sums = new Float64Array(names.length);
  ofNode.forEach((phase, node) => {
    if (phase >= 0) sums[phase] += endNs[node] - startNs[node];
  });
  return names
    .map((_, index) => index)
    .sort((a, b) => sums[b] - sums[a] || a - b)
    .slice(0, MOST_PHASES);
}

/** @returns by node what the slowest rank's computation is scaled by, so that no phase of it is above the median. */
function slowestAtMedian(graph: EventGraph): { readonly rank: number; readonly scale: Float64Array } | undefined {
  const { set, first } = graph;
  if (set.ranks.length < LEAST_RANKS) return undefined;
  const isCompute = (node: number): boolean => graph.class[node] !== COMMUNICATION;
  const ownNs = (rankIndex: number, rows: readonly number[]): number => {
    let ns = 0;
    for (const row of rows)
      if (isCompute(first[rankIndex] + row))
        ns += graph.endNs[first[rankIndex] + row] - graph.startNs[first[rankIndex] + row];
    return ns;
  };
  // Times of the same instance on all ranks; and each rank's sum.
  const byInstance = new Map<string, number[]>();
  const keys = set.ranks.map(({ instances }) => {
    const seen = new Map<string, number>();
    return instances.map(({ phase }) => {
      const turn = seen.get(phase) ?? 0;
      seen.set(phase, turn + 1);
      return `${phase} ${turn}`;
    });
  });
  const sums = set.ranks.map(({ instances }, rankIndex) =>
    instances.reduce((sum, { rows }, place) => {
      const ns = ownNs(rankIndex, rows);
      const list = byInstance.get(keys[rankIndex][place]);
      if (list === undefined) byInstance.set(keys[rankIndex][place], [ns]);
      else list.push(ns);
      return sum + ns;
    }, 0),
  );
  const slowest = sums.reduce((most, sum, index) => (sum > sums[most] ? index : most), 0);
  const scale = new Float64Array(graph.startNs.length).fill(1);
  set.ranks[slowest].instances.forEach(({ rows }, place) => {
    const times = [...byInstance.get(keys[slowest][place])!].sort((a, b) => a - b);
    const median = times[Math.floor((times.length - 1) / 2)];
    const own = ownNs(slowest, rows);
    if (own <= median) return;
    for (const row of rows) if (isCompute(first[slowest] + row)) scale[first[slowest] + row] = median / own;
  });
  return { rank: set.ranks[slowest].rank, scale };
}

/**
 * @returns whether bytes take NICs: those that the traces tell of; else wherever ranks are on several nodes, or that is
 * not known. Low-latency kernels may use them within a node as well.
 */
function takesNics({ set: { ranks, facts } }: EventGraph): boolean {
  const known = ranks.flatMap(({ bytesTo }) => (bytesTo === undefined ? [] : [bytesTo]));
  const links = known.flatMap(({ rdma, nvlink }) => [...rdma, ...nvlink]);
  if (links.some((bytes) => bytes > 0)) return known.some(({ rdma }) => rdma.some((bytes) => bytes > 0));
  return facts.worldSize === undefined || facts.nodeSize === undefined || facts.worldSize > facts.nodeSize;
}

/** Everything that is asked: what changes, and the words for it. */
function questions(graph: EventGraph): { readonly id: string; readonly what: string; readonly change: Change }[] {
  const free = (node: number, ns: number): number => (graph.class[node] === COMMUNICATION ? 0 : ns);
  const asked = [
    {
      id: 'free-communication',
      what: 'communication takes no time (ranks still wait for each other)',
      change: { ownNs: free, tailNs: free },
    },
  ];
  const onNic = (node: number): boolean => graph.rdma[node] === 1 && graph.movesBytes[node] === 1;
  const halved = (node: number, ns: number): number => (onNic(node) && ns > 0 ? ns / 2 : ns);
  // What a receiving half takes once all is there is a copy in its own memory.
  const halvedOwn = (node: number, ns: number): number =>
    graph.kind[node] === NODE_KIND.receive ? ns : halved(node, ns);
  if (takesNics(graph) && graph.rdma.some((_, node) => onNic(node))) {
    asked.push({
      id: 'double-nic-bandwidth',
      what: 'NICs have twice the bandwidth',
      change: { ownNs: halvedOwn, tailNs: halved },
    });
  }
  const slowest = slowestAtMedian(graph);
  if (slowest !== undefined) {
    const atMedian = (node: number, ns: number): number => ns * slowest.scale[node];
    asked.push({
      id: 'slowest-rank-at-median',
      what: `rank ${slowest.rank}, the slowest, computes as fast as the median rank`,
      change: { ownNs: atMedian, tailNs: (_node: number, ns: number) => ns },
    });
  }
  const phases = phasesOf(graph);
  for (const phase of longestPhases(graph, phases)) {
    const faster = (node: number, ns: number): number => (phases.ofNode[node] === phase && ns > 0 ? ns * FASTER : ns);
    asked.push({
      id: `faster ${phases.names[phase]}`,
      what: `${phases.names[phase]} takes 20 % less time`,
      change: { ownNs: faster, tailNs: faster },
    });
  }
  return asked;
}

/**
 * Answers what would help, by timing everything again with one thing changed.
 *
 * @param order see {@link replayOrder}.
 */
export function whatIfs(graph: EventGraph, order: Uint32Array): WhatIfs {
  const keepPhaseLags = graph.set.source === 'emulated';
  const endOf = (change: Change): number => largest(replayGraph(graph, order, { ...change, keepPhaseLags }).endNs);
  const measuredNs = largest(graph.endNs);
  const replayedNs = endOf({});
  const answers = questions(graph).map(({ id, what, change }) => {
    const endNs = endOf(change);
    return {
      id,
      what,
      endUs: microseconds(endNs),
      savedUs: microseconds(replayedNs - endNs),
      savedPct: rounded(100 * ratio(replayedNs - endNs, replayedNs)),
    };
  });
  return {
    measuredEndUs: microseconds(measuredNs),
    replayedEndUs: microseconds(replayedNs),
    errorPct: rounded(100 * ratio(replayedNs - measuredNs, measuredNs)),
    answers: answers.sort((a, b) => b.savedUs - a.savedUs),
  };
}
