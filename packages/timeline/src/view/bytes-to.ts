import { PORT } from '../rank-timeline.js';
import type { ServiceColumns } from '../rank-timeline.js';

/** Bytes that one rank sent to each rank, by what carried them. */
export interface LinkBytes {
  readonly rdma: Float64Array;
  readonly nvlink: Float64Array;
}

/** @returns what left by a rank's out-ports, both hops and forwarded bytes included; the index is the receiving rank. */
export function bytesTo(services: ServiceColumns, ranks: number): LinkBytes {
  const sent: LinkBytes = { rdma: new Float64Array(ranks), nvlink: new Float64Array(ranks) };
  const ports = services.column('port');
  const peers = services.column('peer');
  const bytes = services.column('bytes');
  for (let row = 0; row < services.count; row++) {
    if (ports[row] === PORT.rdmaOut) sent.rdma[peers[row]] += bytes[row];
    else if (ports[row] === PORT.nvlinkOut) sent.nvlink[peers[row]] += bytes[row];
  }
  return sent;
}
