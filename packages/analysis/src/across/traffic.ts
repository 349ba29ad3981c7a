import type { BytesTo } from '@epemu/timeline';
import type { RunFacts } from '../model.js';

/** Bytes from each rank (row) to each rank (column), and the same by node. */
export interface ByteTraffic {
  readonly ranks: number;
  /** GPUs of a node. */
  readonly nodeSize: number;
  /** Over all links, row by row. */
  readonly bytes: readonly number[];
  readonly rdmaBytes: number;
  readonly nvlinkBytes: number;
  /** Bytes whose link the trace does not tell. */
  readonly otherBytes: number;
  readonly nodes: number;
  /** From node to node, row by row. */
  readonly nodeBytes: readonly number[];
}

const DEFAULT_NODE_SIZE = 8;
/** A matrix of more ranks would be of no use to anyone, nor fit into memory. */
const MOST_RANKS = 4096;

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

/** @param senders what each rank sent, by rank. @returns the bytes that ranks sent each other; null where the traces tell of none, or of too many ranks. */
export function byteTraffic(senders: ReadonlyMap<number, BytesTo>, facts: RunFacts): ByteTraffic | null {
  const known = [...senders].map(([rank, bytesTo]) => ({ rank, ...bytesTo }));
  if (known.length === 0) return null;
  const ranks = Math.max(
    facts.worldSize ?? 0,
    ...known.flatMap(({ rank, rdma, nvlink, other }) => [rank + 1, rdma.length, nvlink.length, other.length]),
  );
  if (ranks > MOST_RANKS) return null;
  const nodeSize = Math.min(facts.nodeSize ?? DEFAULT_NODE_SIZE, ranks);
  const nodes = Math.ceil(ranks / nodeSize);
  const bytes = new Array<number>(ranks * ranks).fill(0);
  const nodeBytes = new Array<number>(nodes * nodes).fill(0);
  for (const { rank, rdma, nvlink, other } of known) {
    for (let to = 0; to < ranks; to++) {
      const sent = (rdma[to] ?? 0) + (nvlink[to] ?? 0) + (other[to] ?? 0);
      bytes[rank * ranks + to] += sent;
      nodeBytes[Math.floor(rank / nodeSize) * nodes + Math.floor(to / nodeSize)] += sent;
    }
  }
  return {
    ranks,
    nodeSize,
    bytes,
    rdmaBytes: sum(known.map(({ rdma }) => sum(rdma))),
    nvlinkBytes: sum(known.map(({ nvlink }) => sum(nvlink))),
    otherBytes: sum(known.map(({ other }) => sum(other))),
    nodes,
    nodeBytes,
  };
}
