import { largest, microseconds, ratio, rounded } from '@epemu/core';
import { KERNEL_CLASSES } from '@epemu/timeline';
import type { BytesTo } from '@epemu/timeline';
import type { RunFacts } from '../model.js';
import { NODE_KIND } from './graph.js';
import type { EventGraph } from './graph.js';
import { replayGraph } from './replay.js';
import type { ReplayChange, ReplayedTimes } from './replay.js';

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

/** What is known of a run beside its graph. */
export interface WhatIfFacts {
  /** Numbers of the ranks, by index. */
  readonly ranks: readonly number[];
  readonly facts: RunFacts;
  readonly bytesTo: ReadonlyMap<number, BytesTo>;
  /** Whether lags at the start of phases are the program's own; see {@link ReplayChange}. */
  readonly keepPhaseLags: boolean;
}

/** By node: an index into the names of what can be faster, −1 for none. */
function phasesOf({ ranks, first, instance }: EventGraph): { readonly names: string[]; readonly ofNode: Int32Array } {
  const names: string[] = [];
  const index = new Map<string, number>();
  const ofNode = new Int32Array(instance.length).fill(-1);
  ranks.forEach(({ count, changeable }, rankIndex) => {
    for (let node = first[rankIndex]; node < first[rankIndex] + count; node++) {
      if (instance[node] < 0) continue;
      const name = changeable[instance[node]];
      let place = index.get(name);
      if (place === undefined) index.set(name, (place = names.push(name) - 1));
      ofNode[node] = place;
    }
  });
  return { names, ofNode };
}

/** Phases by the time that their kernels take over all ranks, the most first. */
function longestPhases(
  { startNs, endNs, gapNs }: EventGraph,
  { names, ofNode }: ReturnType<typeof phasesOf>,
): number[] {
  const sums = new Float64Array(names.length);
  ofNode.forEach((phase, node) => {
    if (phase >= 0) sums[phase] += endNs[node] - startNs[node] - gapNs[node];
  });
  return names
    .map((_, index) => index)
    .sort((a, b) => sums[b] - sums[a] || a - b)
    .slice(0, MOST_PHASES);
}

/** By phase instance of a rank. */
interface InstanceTimes {
  /** The number that it has on all ranks: that of its phase and turn. */
  readonly key: Uint32Array;
  /** What its computation takes, ns. */
  readonly ownNs: Float64Array;
}

/** @returns by rank the times of its phase instances. */
function instanceTimes(graph: EventGraph): InstanceTimes[] {
  /** By phase, by turn. */
  const keys = new Map<string, number[]>();
  let count = 0;
  return graph.ranks.map(({ phases, count: nodes }, rankIndex) => {
    const seen = new Map<string, number>();
    const key = Uint32Array.from(phases, (phase) => {
      const turn = seen.get(phase) ?? 0;
      seen.set(phase, turn + 1);
      const turns = keys.get(phase) ?? [];
      keys.set(phase, turns);
      return (turns[turn] ??= count++);
    });
    const ownNs = new Float64Array(phases.length);
    for (let node = graph.first[rankIndex]; node < graph.first[rankIndex] + nodes; node++) {
      if (graph.class[node] === COMMUNICATION || graph.instance[node] < 0) continue;
      ownNs[graph.instance[node]] += graph.endNs[node] - graph.startNs[node] - graph.gapNs[node];
    }
    return { key, ownNs };
  });
}

/** @returns by node what the slowest rank's computation is scaled by, so that no phase of it is above the median. */
function slowestAtMedian(graph: EventGraph): { readonly index: number; readonly scale: Float64Array } | undefined {
  if (graph.ranks.length < LEAST_RANKS) return undefined;
  const times = instanceTimes(graph);
  const byKey: number[][] = [];
  for (const { key, ownNs } of times) key.forEach((place, index) => (byKey[place] ??= []).push(ownNs[index]));
  const sums = times.map(({ ownNs }) => ownNs.reduce((sum, ns) => sum + ns, 0));
  const slowest = sums.reduce((most, sum, index) => (sum > sums[most] ? index : most), 0);
  const ofInstance = times[slowest].ownNs.map((ownNs, index) => {
    const sorted = byKey[times[slowest].key[index]].sort((a, b) => a - b);
    const median = sorted[Math.floor((sorted.length - 1) / 2)];
    return ownNs > median ? median / ownNs : 1;
  });
  const scale = new Float64Array(graph.startNs.length).fill(1);
  for (let node = graph.first[slowest]; node < graph.first[slowest + 1]; node++) {
    const instance = graph.instance[node];
    if (graph.class[node] !== COMMUNICATION && instance >= 0) scale[node] = ofInstance[instance];
  }
  return { index: slowest, scale };
}

/**
 * @returns whether bytes take NICs: those that the traces tell of; else wherever ranks are on several nodes, or that is
 * not known. Low-latency kernels may use them within a node as well.
 */
function takesNics({ facts, bytesTo }: WhatIfFacts): boolean {
  const known = [...bytesTo.values()];
  const links = known.flatMap(({ rdma, nvlink }) => [...rdma, ...nvlink]);
  if (links.some((bytes) => bytes > 0)) return known.some(({ rdma }) => rdma.some((bytes) => bytes > 0));
  return facts.worldSize === undefined || facts.nodeSize === undefined || facts.worldSize > facts.nodeSize;
}

/** Everything that is asked: what changes, and the words for it. */
function questions(
  graph: EventGraph,
  known: WhatIfFacts,
): { readonly id: string; readonly what: string; readonly change: Change }[] {
  const free = (node: number, ns: number): number => (graph.class[node] === COMMUNICATION ? 0 : ns);
  const asked = [
    {
      id: 'free-communication',
      what: 'communication takes no time (ranks still wait for each other)',
      change: { ownNs: free, tailNs: free },
    },
  ];
  const onNic = (node: number): boolean => graph.rdma[node] === 1 && graph.movesBytes[node] === 1;
  const halved = (node: number, ns: number): number => (onNic(node) && ns > 0 ? ns * graph.fasterNics[node] : ns);
  // What a receiving half takes once all is there is a copy in its own memory.
  const halvedOwn = (node: number, ns: number): number =>
    graph.kind[node] === NODE_KIND.receive ? ns : halved(node, ns);
  if (takesNics(known) && graph.rdma.some((_, node) => onNic(node))) {
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
      what: `rank ${known.ranks[slowest.index]}, the slowest, computes as fast as the median rank`,
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
export function whatIfs(graph: EventGraph, order: Uint32Array, known: WhatIfFacts): WhatIfs {
  const { keepPhaseLags } = known;
  let times: ReplayedTimes | undefined;
  const endOf = (change: Change): number => {
    times = replayGraph(graph, order, { ...change, keepPhaseLags }, times);
    return largest(times.endNs);
  };
  const measuredNs = largest(graph.endNs);
  const replayedNs = endOf({});
  const answers = questions(graph, known).map(({ id, what, change }) => {
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
