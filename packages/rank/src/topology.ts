/** Lists of ranks by the rank they are for, made when first asked for: collectives ask again and again. */
class RankLists {
  readonly #lists = new Map<number, readonly number[]>();
  readonly #make: (rank: number) => readonly number[];

  constructor(make: (rank: number) => readonly number[]) {
    this.#make = make;
  }

  of(rank: number): readonly number[] {
    let list = this.#lists.get(rank);
    if (list === undefined) this.#lists.set(rank, (list = this.#make(rank)));
    return list;
  }
}

/** Where ranks and experts sit: node by node, expert e on rank ⌊e / expertsPerRank⌋. */
export class Topology {
  readonly ranks: number;
  /** Ranks of a node: the preset's node size, or all ranks where they do not fill one. */
  readonly nodeSize: number;
  readonly nodes: number;
  readonly experts: number;
  readonly expertsPerRank: number;
  readonly #columnPeers = new RankLists((rank) =>
    Array.from({ length: this.nodes - 1 }, (_, i) =>
      this.rankAt((this.nodeOf(rank) + 1 + i) % this.nodes, this.localIndexOf(rank)),
    ),
  );
  readonly #neighbours = new RankLists((rank) =>
    Array.from({ length: this.nodeSize - 1 }, (_, i) =>
      this.rankAt(this.nodeOf(rank), (this.localIndexOf(rank) + 1 + i) % this.nodeSize),
    ),
  );
  readonly #others = new RankLists((rank) =>
    Array.from({ length: this.ranks - 1 }, (_, i) => (rank + 1 + i) % this.ranks),
  );
  readonly #remotes = new RankLists((rank) =>
    Array.from({ length: this.ranks }, (_, i) => (rank + this.nodeSize + i) % this.ranks).filter(
      (peer) => this.nodeOf(peer) !== this.nodeOf(rank),
    ),
  );
  readonly #columns = new RankLists((rank) =>
    Array.from({ length: this.nodes }, (_, node) => this.rankAt(node, this.localIndexOf(rank))),
  );

  constructor(ranks: number, nodeSize: number, experts: number) {
    this.ranks = ranks;
    this.nodeSize = Math.min(nodeSize, ranks);
    this.nodes = ranks / this.nodeSize;
    this.experts = experts;
    this.expertsPerRank = experts / ranks;
  }

  nodeOf(rank: number): number {
    return Math.floor(rank / this.nodeSize);
  }

  /** Index of a rank within its node. */
  localIndexOf(rank: number): number {
    return rank % this.nodeSize;
  }

  rankAt(node: number, localIndex: number): number {
    return node * this.nodeSize + localIndex;
  }

  rankOfExpert(expert: number): number {
    return Math.floor(expert / this.expertsPerRank);
  }

  /** Same-index ranks of the other nodes, from the next node on, round-robin. */
  columnPeers(rank: number): readonly number[] {
    return this.#columnPeers.of(rank);
  }

  /** The other ranks of the node, from the next index on, round-robin. */
  neighbours(rank: number): readonly number[] {
    return this.#neighbours.of(rank);
  }

  /** All other ranks, from the next on, round-robin. */
  others(rank: number): readonly number[] {
    return this.#others.of(rank);
  }

  /** All ranks of other nodes, from the one of the own index on the next node on, so that no two begin with the same. */
  remotes(rank: number): readonly number[] {
    return this.#remotes.of(rank);
  }

  /** Ranks whose tokens this rank forwards: its column, itself included, ascending. */
  column(rank: number): readonly number[] {
    return this.#columns.of(rank);
  }

  /** Where `to` stands when `from` visits peers round-robin from its own index + 1: 0 is visited first. */
  visitOrder(from: number, to: number): number {
    return (to - from - 1 + this.ranks) % this.ranks;
  }
}
