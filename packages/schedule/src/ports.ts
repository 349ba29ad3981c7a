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

/** @returns the operations that move bytes, in launch order: the collectives and the issues. */
export function transferOperations(program: Program): Operation[] {
  return program.operations.filter((operation) => operation.kind === 'collective' || operation.kind === 'issue');
}
