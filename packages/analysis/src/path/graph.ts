import type { Collective, CollectivePart } from '../across/collectives.js';
import { KERNEL_CLASSES } from '../kernel-role.js';
import type { KernelRoles } from '../kernel-role.js';
import type { TraceRank, TraceSet } from '../model.js';
import { RankEdges } from './edges.js';

/** How the end of a node follows from its start. */
export const NODE_KIND = {
  /** Takes its own time. */
  local: 0,
  /** Ends so long after the last rank has started its own. */
  synchronise: 1,
  /** Takes its own time from when the last rank's bytes are here. */
  receive: 2,
} as const;

/**
 * What happened and what waited for what: a node for each kernel of each rank. Node numbers are `first[rank index]` plus
 * the kernel's row. Times are ns.
 */
export interface EventGraph {
  readonly set: TraceSet;
  /** Node of each rank's first kernel, and behind all of them the number of nodes. */
  readonly first: readonly number[];
  readonly startNs: Float64Array;
  readonly endNs: Float64Array;
  readonly kind: Uint8Array;
  /** Hub that a synchronising or receiving node waits for, −1 for none. */
  readonly hub: Int32Array;
  /** For a local node its duration; else what passes from the hub's time to the node's end (or, receiving, to arrival). */
  readonly tailNs: Float64Array;
  /** What a receiving node takes once all is there. */
  readonly soloNs: Float64Array;
  /** Nodes that must have ended before a node starts: `before[beforeFrom[i] … beforeFrom[i + 1])`. */
  readonly beforeFrom: Uint32Array;
  readonly before: Uint32Array;
  /** From the latest end of those to the node's start. */
  readonly lagNs: Float64Array;
  /** Whether that lag is inside a phase, where the host or the GPU's own gaps make it. */
  readonly lagInPhase: Uint8Array;
  readonly hubs: readonly Hub[];
  /** What each node is: an index into KERNEL_CLASSES. */
  readonly class: Uint8Array;
  /** Whether it is communication that may take NICs: all that is not known to stay on NVLink. */
  readonly rdma: Uint8Array;
  /** Whether it moves bytes: transfers and receiving halves, not layouts and notifies, whose time bandwidth leaves. */
  readonly movesBytes: Uint8Array;
}

/** What all ranks of a collective come to: the latest of these nodes' starts, or of their ends where they send. */
export interface Hub {
  readonly nodes: readonly number[];
  readonly bySend: boolean;
}

/** Fills a graph's columns rank by rank, then ties the ranks together. */
class GraphBuilder {
  readonly #set: TraceSet;
  readonly #first: number[] = [0];
  readonly #index: ReadonlyMap<number, number>;
  readonly #startNs: Float64Array;
  readonly #endNs: Float64Array;
  readonly #tailNs: Float64Array;
  readonly #soloNs: Float64Array;
  readonly #lagNs: Float64Array;
  readonly #lagInPhase: Uint8Array;
  readonly #kind: Uint8Array;
  readonly #hub: Int32Array;
  readonly #class: Uint8Array;
  readonly #rdma: Uint8Array;
  readonly #movesBytes: Uint8Array;
  readonly #beforeFrom: Uint32Array;
  readonly #before: number[] = [];
  readonly #hubs: Hub[] = [];
  /** Background transfers of each rank, by when they were issued. */
  readonly #arrivals: readonly ReadonlyMap<number, number>[];

  constructor(set: TraceSet) {
    this.#set = set;
    for (const { kernels } of set.ranks) this.#first.push(this.#first[this.#first.length - 1] + kernels.count);
    const count = this.#first[this.#first.length - 1];
    this.#index = new Map(set.ranks.map(({ rank }, index) => [rank, index]));
    this.#startNs = new Float64Array(count);
    this.#endNs = new Float64Array(count);
    this.#tailNs = new Float64Array(count);
    this.#soloNs = new Float64Array(count);
    this.#lagNs = new Float64Array(count);
    this.#lagInPhase = new Uint8Array(count);
    this.#kind = new Uint8Array(count);
    this.#hub = new Int32Array(count).fill(-1);
    this.#class = new Uint8Array(count);
    this.#rdma = new Uint8Array(count);
    this.#movesBytes = new Uint8Array(count);
    this.#beforeFrom = new Uint32Array(count + 1);
    this.#arrivals = set.ranks.map(({ transfers }) => new Map(transfers.map(({ startNs, endNs }) => [startNs, endNs])));
  }

  addRank(rank: TraceRank, index: number, roles: KernelRoles): void {
    const base = this.#first[index];
    const { kernels, instances } = rank;
    this.#startNs.set(kernels.column('startNs'), base);
    this.#endNs.set(kernels.column('endNs'), base);
    const [instance, name] = [kernels.column('instance'), kernels.column('name')];
    let row = 0;
    for (const before of new RankEdges(rank, this.#set).rows()) {
      const node = base + row;
      let latest = before.size === 0 ? 0 : Number.NEGATIVE_INFINITY;
      for (const other of before) latest = Math.max(latest, this.#endNs[base + other]);
      this.#lagNs[node] = this.#startNs[node] - latest;
      const own = instance[row];
      const begins = before.size > 0 && own >= 0 && instances[own].rows[0] === row;
      this.#lagInPhase[node] = begins ? 0 : 1;
      this.#tailNs[node] = this.#endNs[node] - this.#startNs[node];
      const role = roles.of(this.#set.names[name[row]]);
      this.#class[node] = KERNEL_CLASSES.indexOf(role.class);
      this.#rdma[node] = role.class === 'communication' && role.collective?.link !== 'nvlink' ? 1 : 0;
      this.#movesBytes[node] = ['transfer', 'receive'].includes(role.collective?.role ?? '') ? 1 : 0;
      for (const other of before) this.#before.push(base + other);
      this.#beforeFrom[node + 1] = this.#before.length;
      row++;
    }
  }

  addCollective({ parts }: Collective): void {
    const nodeOf = ({ rank }: CollectivePart, row: number): number => this.#first[this.#index.get(rank)!] + row;
    const bySend = parts.every(({ sendRow }) => sendRow >= 0);
    const nodes = parts.map((part) => nodeOf(part, bySend ? part.sendRow : part.syncRow));
    const times = bySend ? this.#endNs : this.#startNs;
    const hubNs = nodes.reduce((latest, node) => Math.max(latest, times[node]), Number.NEGATIVE_INFINITY);
    const hub = this.#hubs.push({ nodes, bySend }) - 1;
    for (const part of parts) {
      const node = nodeOf(part, part.syncRow);
      if (bySend) {
        const issuedNs = this.#startNs[nodeOf(part, part.sendRow)];
        this.#receive(node, hub, hubNs, this.#arrivals[this.#index.get(part.rank)!].get(issuedNs));
        continue;
      }
      // Where clocks say that it ended before the last rank came, nothing can be said of what it waited for.
      if (this.#endNs[node] >= hubNs && parts.length > 1) {
        this.#kind[node] = NODE_KIND.synchronise;
        this.#hub[node] = hub;
        this.#tailNs[node] = this.#endNs[node] - hubNs;
      }
    }
  }

  /** @param arrivedNs when all bytes were there; undefined where only the kernel's own time tells. */
  #receive(node: number, hub: number, hubNs: number, arrivedNs: number | undefined): void {
    const [startNs, endNs] = [this.#startNs[node], this.#endNs[node]];
    // A receiving kernel that waited took until the last bytes came; what it does then is short.
    const arrived = arrivedNs ?? endNs;
    if (arrived > endNs || arrived < hubNs) return;
    this.#kind[node] = NODE_KIND.receive;
    this.#hub[node] = hub;
    this.#tailNs[node] = arrived - hubNs;
    this.#soloNs[node] = endNs - Math.max(startNs, arrived);
  }

  finish(): EventGraph {
    return {
      set: this.#set,
      first: this.#first,
      startNs: this.#startNs,
      endNs: this.#endNs,
      kind: this.#kind,
      hub: this.#hub,
      tailNs: this.#tailNs,
      soloNs: this.#soloNs,
      beforeFrom: this.#beforeFrom,
      before: Uint32Array.from(this.#before),
      lagNs: this.#lagNs,
      lagInPhase: this.#lagInPhase,
      hubs: this.#hubs,
      class: this.#class,
      rdma: this.#rdma,
      movesBytes: this.#movesBytes,
    };
  }
}

/**
 * Builds the graph of everything that happened: streams run in order, phases wait for their gates, and a
 * synchronisation ends for nobody before the last rank has come.
 */
export function buildGraph(set: TraceSet, collectives: readonly Collective[], roles: KernelRoles): EventGraph {
  const builder = new GraphBuilder(set);
  set.ranks.forEach((rank, index) => {
    builder.addRank(rank, index, roles);
  });
  for (const collective of collectives) builder.addCollective(collective);
  return builder.finish();
}
