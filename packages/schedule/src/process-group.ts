import type { Operation, Program } from './program.js';

/** Ranks that communicate in an operation, as frameworks name them: a process group. */
export interface ProcessGroup {
  readonly name: string;
  readonly description: string;
  /** Ascending. */
  readonly ranks: readonly number[];
}

/** @returns the process group of an operation on a rank: that of its role, or the rank and its peer of another role. */
export function processGroupOf(program: Program, rank: number, { role, peerRole, exchange }: Operation): ProcessGroup {
  const { ranks, group, groupRanks } = program.roles[role];
  if (peerRole !== undefined) {
    const peer = program.roles[peerRole].ranks[ranks.indexOf(rank)];
    const name = program.exchanges[exchange!].group;
    return { name, description: name, ranks: [rank, peer].sort((a, b) => a - b) };
  }
  if (program.roles.length === 1) return { name: '0', description: 'default_pg', ranks: groupRanks };
  return { name: group, description: group, ranks: groupRanks };
}
