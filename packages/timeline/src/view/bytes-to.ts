import { isOutPort, linkOfPort } from '@epemu/schedule';
import type { Program, ProgramLink } from '@epemu/schedule';
import type { ServiceColumns } from '../rank-timeline.js';

/** Bytes that one rank sent to each rank, by how far the links reach that carried them. */
export interface LinkBytes {
  /** Over links between nodes. */
  readonly rdma: Float64Array;
  /** Over links inside a node. */
  readonly nvlink: Float64Array;
}

/** @returns what left by a rank's out-ports, all hops and forwarded bytes included; the index is the receiving rank. */
export function bytesTo(services: ServiceColumns, links: readonly ProgramLink[], ranks: number): LinkBytes {
  const sent: LinkBytes = { rdma: new Float64Array(ranks), nvlink: new Float64Array(ranks) };
  const ports = services.column('port');
  const peers = services.column('peer');
  const bytes = services.column('bytes');
  for (let row = 0; row < services.count; row++) {
    if (!isOutPort(ports[row])) continue;
    const { reach } = links[linkOfPort(ports[row])];
    const carried = reach === 'node' ? sent.nvlink : sent.rdma;
    carried[peers[row]] += bytes[row];
  }
  return sent;
}

/** @returns what left by a rank's out-ports, by link as the program numbers them. */
export function bytesByLink(services: ServiceColumns, { links }: Pick<Program, 'links'>): number[] {
  const sums = links.map(() => 0);
  const ports = services.column('port');
  const bytes = services.column('bytes');
  for (let row = 0; row < services.count; row++) {
    if (isOutPort(ports[row])) sums[linkOfPort(ports[row])] += bytes[row];
  }
  return sums;
}
