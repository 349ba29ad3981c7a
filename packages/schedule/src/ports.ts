import type { CollectiveUse, Operation, Program } from './program.js';

/** A hop of a collective: which link it takes. Hops are numbered from 1. */
export type Link = 'rdma' | 'nvlink';

/**
 * @returns the links of a collective's hops: dispatch RDMA → NVLink, combine NVLink → RDMA, all else RDMA alone. Where
 * low-latency kernels use NVLink inside a node, its hop 2 goes to these peers and waits for nothing of hop 1.
 */
export function hopsOf(collective: CollectiveUse): readonly Link[] {
  if (collective.mode === 'low-latency' && collective.nvlinkInNode) return ['rdma', 'nvlink'];
  if (collective.mode !== 'normal') return ['rdma'];
  return collective.type === 'dispatch' ? ['rdma', 'nvlink'] : ['nvlink', 'rdma'];
}

/** A direction of a link, as a rank has it. */
export interface PortUse {
  readonly link: Link;
  readonly direction: 'out' | 'in';
}

/** @returns the ports that an operation's hops use at a rank, hop by hop: all hops send and receive, but in sends. */
export function portsOf(collective: CollectiveUse): readonly PortUse[] {
  const { type } = collective;
  return hopsOf(collective).flatMap((link) => [
    ...(type === 'receive' ? [] : [{ link, direction: 'out' } as const]),
    ...(type === 'send' ? [] : [{ link, direction: 'in' } as const]),
  ]);
}

/** @returns the operations that move bytes, in launch order: the collectives and the issues. */
export function transferOperations(program: Pick<Program, 'operations'>): Operation[] {
  return program.operations.filter((operation) => operation.kind === 'collective' || operation.kind === 'issue');
}
