import { InvariantError } from '@epemu/core';
import type { Group } from '@epemu/config';

/** Lists of members by the member they are for, made when first asked for: collectives ask again and again. */
class MemberLists {
  readonly #lists = new Map<number, readonly number[]>();
  readonly #make: (member: number) => readonly number[];

  constructor(make: (member: number) => readonly number[]) {
    this.#make = make;
  }

  of(member: number): readonly number[] {
    let list = this.#lists.get(member);
    if (list === undefined) this.#lists.set(member, (list = this.#make(member)));
    return list;
  }
}

/**
 * Where the members of a group and its experts sit. A member is known by its place in the group, ascending by rank; only
 * messages and records speak of ranks. Experts are dealt out to the members that hold any, consecutive ones to each.
 */
export class Topology {
  /** How many members there are. */
  readonly ranks: number;
  /** Members of the node that has most; normal collectives need as many on each. */
  readonly nodeSize: number;
  readonly nodes: number;
  readonly experts: number;
  readonly expertsPerRank: number;
  /** By member: its rank in the run. */
  readonly #rankOf: readonly number[];
  readonly #memberOf: ReadonlyMap<number, number>;
  /** By member: its node, counted within the group, and its place there; tables, as those of experts. */
  readonly nodeOfMembers: Uint32Array;
  readonly localIndexOfMembers: Uint32Array;
  /** Members that hold experts, ascending, and by member its place among them; −1 of the others. */
  readonly #holders: readonly number[];
  readonly #holderPlace: readonly number[];
  /** By expert: the member that holds it. A table, for every row of every token is looked up. */
  readonly memberOfExperts: Uint32Array;
  readonly #columnPeers = new MemberLists((member) =>
    Array.from({ length: this.nodes - 1 }, (_, i) =>
      this.memberAt((this.nodeOf(member) + 1 + i) % this.nodes, this.localIndexOf(member)),
    ),
  );
  readonly #neighbours = new MemberLists((member) => this.#inTurn(member, this.#nodeMembers(this.nodeOf(member))));
  readonly #others = new MemberLists((member) =>
    Array.from({ length: this.ranks - 1 }, (_, i) => (member + 1 + i) % this.ranks),
  );
  readonly #remotes = new MemberLists((member) => {
    const first = member + this.#nodeMembers(this.nodeOf(member)).length;
    return Array.from({ length: this.ranks }, (_, i) => (first + i) % this.ranks).filter(
      (peer) => this.nodeOf(peer) !== this.nodeOf(member),
    );
  });
  readonly #columns = new MemberLists((member) =>
    Array.from({ length: this.nodes }, (_, node) => this.memberAt(node, this.localIndexOf(member))),
  );

  /** @param gpusOfNode GPUs of a node of the run's hardware. */
  constructor({ ranks, expertRanks }: Pick<Group, 'ranks' | 'expertRanks'>, gpusOfNode: number, experts: number) {
    this.ranks = ranks.length;
    this.experts = experts;
    this.expertsPerRank = experts / expertRanks.length;
    this.#rankOf = ranks;
    this.#memberOf = new Map(ranks.map((rank, member) => [rank, member]));
    this.#holders = expertRanks.map((rank) => this.#memberOf.get(rank)!);
    this.#holderPlace = ranks.map((rank) => expertRanks.indexOf(rank));
    this.memberOfExperts = Uint32Array.from(
      { length: experts },
      (_, expert) => this.#holders[Math.floor(expert / this.expertsPerRank)],
    );
    const physical = ranks.map((rank) => Math.floor(rank / gpusOfNode));
    const distinct = [...new Set(physical)];
    this.nodes = distinct.length;
    this.nodeOfMembers = Uint32Array.from(physical, (node) => distinct.indexOf(node));
    this.localIndexOfMembers = this.nodeOfMembers.map((node, member) => member - this.nodeOfMembers.indexOf(node));
    this.nodeSize = Math.max(...distinct.map((_, node) => this.#nodeMembers(node).length));
  }

  /** The rank of a member. */
  rankOf(member: number): number {
    return this.#rankOf[member];
  }

  /** The member that a rank is. @throws InvariantError where it is none. */
  memberOf(rank: number): number {
    const member = this.#memberOf.get(rank);
    if (member === undefined) throw new InvariantError(`rank ${rank} is no member of the group`);
    return member;
  }

  nodeOf(member: number): number {
    return this.nodeOfMembers[member];
  }

  /** Index of a member within its node. */
  localIndexOf(member: number): number {
    return this.localIndexOfMembers[member];
  }

  /** Where all nodes have as many members. */
  memberAt(node: number, localIndex: number): number {
    return node * this.nodeSize + localIndex;
  }

  /** The member that holds an expert. */
  memberOfExpert(expert: number): number {
    return this.memberOfExperts[expert];
  }

  /** First expert of a member, and how many it holds. */
  expertsOf(member: number): { first: number; count: number } {
    const place = this.#holderPlace[member];
    return place < 0 ? { first: 0, count: 0 } : { first: place * this.expertsPerRank, count: this.expertsPerRank };
  }

  /** Same-index members of the other nodes, from the next node on, round-robin. */
  columnPeers(member: number): readonly number[] {
    return this.#columnPeers.of(member);
  }

  /** The other members of the node, from the next index on, round-robin. */
  neighbours(member: number): readonly number[] {
    return this.#neighbours.of(member);
  }

  /** All other members, from the next on, round-robin. */
  others(member: number): readonly number[] {
    return this.#others.of(member);
  }

  /** All members of other nodes, from the one of the own index on the next node on, so that no two begin with the same. */
  remotes(member: number): readonly number[] {
    return this.#remotes.of(member);
  }

  /** Members whose tokens this one forwards: its column, itself included, ascending. */
  column(member: number): readonly number[] {
    return this.#columns.of(member);
  }

  /** Where `to` stands when `from` visits peers round-robin from its own index + 1: 0 is visited first. */
  visitOrder(from: number, to: number): number {
    return (to - from - 1 + this.ranks) % this.ranks;
  }

  #nodeMembers(node: number): number[] {
    return Array.from(this.nodeOfMembers.keys()).filter((member) => this.nodeOfMembers[member] === node);
  }

  /** The others of a list that has the member, from the one behind it on. */
  #inTurn(member: number, list: readonly number[]): number[] {
    const place = list.indexOf(member);
    return [...list.slice(place + 1), ...list.slice(0, place)];
  }
}
