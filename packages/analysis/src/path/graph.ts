import type { CollectivePart } from '../across/collective-part.js';
import type { Collective } from '../across/collectives.js';
import type { RankGraph } from './rank-graph.js';

/** How the end of a node follows from its start. */
export const NODE_KIND = {
  /** Takes its own time. */
  local: 0,
  /** Ends so long after the last rank has started its own. */
  synchronise: 1,
  /** Takes its own time from when the last rank's bytes are here. */
  receive: 2,
} as const;

/** What all ranks of a collective come to: the latest of these nodes' starts, or of their ends where they send. */
export interface Hub {
  readonly nodes: readonly number[];
  readonly bySend: boolean;
}

type NodeColumns = Pick<
  RankGraph,
  | 'startNs'
  | 'endNs'
  | 'gapNs'
  | 'lagNs'
  | 'lagInPhase'
  | 'class'
  | 'rdma'
  | 'fasterNics'
  | 'movesBytes'
  | 'stream'
  | 'instance'
>;

/**
 * What happened on all ranks and what waited for what: the nodes of each rank's graph, one rank behind the other. Times
 * are ns.
 */
export interface EventGraph extends NodeColumns {
  /** By index of the rank. */
  readonly ranks: readonly RankGraph[];
  /** Node of each rank's first, and behind all of them the number of nodes. */
  readonly first: readonly number[];
  readonly kind: Uint8Array;
  /** Hub that a synchronising or receiving node waits for, −1 for none. */
  readonly hub: Int32Array;
  /** For a local node what its kernels take; else what passes from the hub's time to its end (or, receiving, arrival). */
  readonly tailNs: Float64Array;
  /** What a receiving node takes once all is there. */
  readonly soloNs: Float64Array;
  readonly beforeFrom: Uint32Array;
  readonly before: Uint32Array;
  readonly hubs: readonly Hub[];
}

/** A column of all ranks, one behind the other. */
function joined<Values extends Float64Array | Int32Array | Uint32Array | Uint8Array>(
  into: Values,
  ranks: readonly RankGraph[],
  first: readonly number[],
  of: (rank: RankGraph) => ArrayLike<number>,
): Values {
  ranks.forEach((rank, index) => {
    into.set(of(rank), first[index]);
  });
  return into;
}

/** Edges of all ranks; nodes of each are moved behind those of the ranks before it. */
function joinedEdges(ranks: readonly RankGraph[], first: readonly number[]): Pick<EventGraph, 'beforeFrom' | 'before'> {
  const beforeFrom = new Uint32Array(first[ranks.length] + 1);
  const before = new Uint32Array(ranks.reduce((sum, rank) => sum + rank.before.length, 0));
  let edge = 0;
  ranks.forEach((rank, index) => {
    for (let node = 0; node < rank.count; node++) beforeFrom[first[index] + node] = edge + rank.beforeFrom[node];
    for (const other of rank.before) before[edge++] = first[index] + other;
  });
  beforeFrom[first[ranks.length]] = edge;
  return { beforeFrom, before };
}

/** Ties the ranks together where they meet in collectives. */
class Meetings {
  readonly hubs: Hub[] = [];
  readonly #graph: EventGraph;
  readonly #index: ReadonlyMap<number, number>;

  constructor(graph: EventGraph, ranks: readonly number[]) {
    this.#graph = graph;
    this.#index = new Map(ranks.map((rank, index) => [rank, index]));
  }

  #node({ rank, index }: CollectivePart, of: 'syncNode' | 'sendNode'): number {
    const rankIndex = this.#index.get(rank)!;
    return this.#graph.first[rankIndex] + this.#graph.ranks[rankIndex][of][index];
  }

  add({ parts }: Collective): void {
    const { startNs, endNs, kind, hub: hubOf, tailNs } = this.#graph;
    const bySend = parts.every(({ sendRow }) => sendRow >= 0);
    const nodes = parts.map((part) => this.#node(part, bySend ? 'sendNode' : 'syncNode'));
    const times = bySend ? endNs : startNs;
    const hubNs = nodes.reduce((latest, node) => Math.max(latest, times[node]), Number.NEGATIVE_INFINITY);
    const hub = this.hubs.push({ nodes, bySend }) - 1;
    for (const part of parts) {
      const node = this.#node(part, 'syncNode');
      if (bySend) {
        this.#receive(node, hub, hubNs, part.lastByteNs);
        continue;
      }
      // Where clocks say that it ended before the last rank came, nothing can be said of what it waited for.
      if (endNs[node] >= hubNs && parts.length > 1) {
        kind[node] = NODE_KIND.synchronise;
        hubOf[node] = hub;
        tailNs[node] = endNs[node] - hubNs;
      }
    }
  }

  /** @param arrivedNs when all bytes were there; undefined where only the kernel's own time tells. */
  #receive(node: number, hub: number, hubNs: number, arrivedNs: number | undefined): void {
    const { startNs, endNs, kind, hub: hubOf, tailNs, soloNs } = this.#graph;
    // A receiving kernel that waited took until the last bytes came; what it does then is short.
    const arrived = arrivedNs ?? endNs[node];
    if (arrived > endNs[node] || arrived < hubNs) return;
    kind[node] = NODE_KIND.receive;
    hubOf[node] = hub;
    tailNs[node] = arrived - hubNs;
    soloNs[node] = endNs[node] - Math.max(startNs[node], arrived);
  }
}

/**
 * Builds the graph of everything that happened: streams run in order, phases wait for their gates, and a
 * synchronisation ends for nobody before the last rank has come.
 *
 * @param ranks their numbers, by index.
 */
export function buildGraph(
  ranks: readonly number[],
  graphs: readonly RankGraph[],
  collectives: readonly Collective[],
): EventGraph {
  const first = [0];
  for (const { count } of graphs) first.push(first[first.length - 1] + count);
  const count = first[graphs.length];
  const floats = (of: (rank: RankGraph) => Float64Array): Float64Array =>
    joined(new Float64Array(count), graphs, first, of);
  const flags = (of: (rank: RankGraph) => Uint8Array): Uint8Array => joined(new Uint8Array(count), graphs, first, of);
  const indices = (of: (rank: RankGraph) => Int32Array): Int32Array => joined(new Int32Array(count), graphs, first, of);
  const graph = {
    ranks: graphs,
    first,
    startNs: floats(({ startNs }) => startNs),
    endNs: floats(({ endNs }) => endNs),
    gapNs: floats(({ gapNs }) => gapNs),
    lagNs: floats(({ lagNs }) => lagNs),
    tailNs: floats(({ ownNs }) => ownNs),
    soloNs: new Float64Array(count),
    lagInPhase: flags(({ lagInPhase }) => lagInPhase),
    class: flags((rank) => rank.class),
    rdma: flags(({ rdma }) => rdma),
    fasterNics: floats(({ fasterNics }) => fasterNics),
    movesBytes: flags(({ movesBytes }) => movesBytes),
    stream: indices(({ stream }) => stream),
    instance: indices(({ instance }) => instance),
    kind: new Uint8Array(count),
    hub: new Int32Array(count).fill(-1),
    ...joinedEdges(graphs, first),
    hubs: [],
  };
  const meetings = new Meetings(graph, ranks);
  for (const collective of collectives) meetings.add(collective);
  return { ...graph, hubs: meetings.hubs };
}
