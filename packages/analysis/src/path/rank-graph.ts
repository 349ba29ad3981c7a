import { KERNEL_CLASSES, movesBytes } from '@epemu/timeline';
import type { RankView } from '@epemu/timeline';
import type { CollectivePart } from '../across/collective-part.js';
import type { RunFacts } from '../model.js';
import { RankEdges } from './edges.js';

/**
 * What one rank did and what waited for what, a node for each stretch of kernels that nothing else joins or leaves: of
 * one phase, one stream and one kind, each waiting for nothing but the one before. Times are ns.
 */
export interface RankGraph {
  readonly count: number;
  readonly startNs: Float64Array;
  readonly endNs: Float64Array;
  /** What its kernels take. */
  readonly ownNs: Float64Array;
  /** Gaps between its kernels, where the host or the GPU's own gaps make them. */
  readonly gapNs: Float64Array;
  /** From the latest end of what it waited for to its start. */
  readonly lagNs: Float64Array;
  /** Whether that lag is inside a phase. */
  readonly lagInPhase: Uint8Array;
  /** An index into KERNEL_CLASSES. */
  readonly class: Uint8Array;
  /** Whether it is communication that may take NICs: all that is not known to stay on NVLink. */
  readonly rdma: Uint8Array;
  /** What NICs twice as fast would leave of the time of its bytes. */
  readonly fasterNics: Float64Array;
  /** Whether it moves bytes: transfers and receiving halves, not layouts and notifies, whose time bandwidth leaves. */
  readonly movesBytes: Uint8Array;
  /** Index of the stream and of the phase instance among the rank's, −1 for none. */
  readonly stream: Int32Array;
  readonly instance: Int32Array;
  /** Nodes that must have ended before a node starts: `before[beforeFrom[i] … beforeFrom[i + 1])`. */
  readonly beforeFrom: Uint32Array;
  readonly before: Uint32Array;
  /** By the rank's parts in collectives: the nodes of their synchronisation and of their sending half, −1 for none. */
  readonly syncNode: Int32Array;
  readonly sendNode: Int32Array;
  /** By phase instance: its phase, and what of it can be faster: an issue and its wait are the ends of one transfer. */
  readonly phases: readonly string[];
  readonly changeable: readonly string[];
}

/** Which rows begin a node whatever came before them, or end one whatever comes behind them. */
function boundaries({ content: { kernels, instances } }: RankView, parts: readonly CollectivePart[]): Uint8Array {
  const isBoundary = new Uint8Array(kernels.count);
  for (const { sendRow, syncRow } of parts) {
    isBoundary[syncRow] = 1;
    if (sendRow >= 0) isBoundary[sendRow] = 1;
  }
  for (const { rows } of instances) {
    const isOnOne = rows.every((row) => kernels.stream[row] === kernels.stream[rows[0]]);
    if (!isOnOne) for (const row of rows) isBoundary[row] = 1;
  }
  return isBoundary;
}

/** Builds a rank's graph. @param parts of the rank in collectives. */
export function rankGraph(view: RankView, facts: RunFacts, parts: readonly CollectivePart[]): RankGraph {
  const { content } = view;
  const { count: rows, startNs, endNs, stream, instance } = content.kernels;
  const isBoundary = boundaries(view, parts);
  const edges = new RankEdges(view, facts);
  const nodeOf = new Int32Array(rows);
  /** First and last rows of nodes. */
  const first: number[] = [];
  const last: number[] = [];
  const flags: number[] = [];
  const fasterNics: number[] = [];
  const ownNs: number[] = [];
  const lagNs: number[] = [];
  const lagInPhase: number[] = [];
  const beforeFrom: number[] = [0];
  const before: number[] = [];
  let row = 0;
  for (const awaited of edges.rows()) {
    const identity = view.identity(row);
    const isRdma = identity.class === 'communication' && identity.collective?.link !== 'nvlink';
    const flag = KERNEL_CLASSES.indexOf(identity.class) * 4 + (isRdma ? 2 : 0) + (movesBytes(identity) ? 1 : 0);
    const [previous] = awaited;
    const joins =
      awaited.size === 1 &&
      isBoundary[row] === 0 &&
      isBoundary[previous] === 0 &&
      instance[row] >= 0 &&
      instance[row] === instance[previous] &&
      stream[row] === stream[previous] &&
      last[nodeOf[previous]] === previous &&
      flags[nodeOf[previous]] === flag &&
      fasterNics[nodeOf[previous]] === (identity.collective?.shareWithFasterNics ?? 0.5) &&
      !edges.isAwaited(previous);
    if (joins) {
      const node = nodeOf[previous];
      nodeOf[row] = node;
      last[node] = row;
      ownNs[node] += endNs[row] - startNs[row];
    } else {
      nodeOf[row] = first.push(row) - 1;
      last.push(row);
      flags.push(flag);
      fasterNics.push(identity.collective?.shareWithFasterNics ?? 0.5);
      ownNs.push(endNs[row] - startNs[row]);
      let latest = awaited.size === 0 ? 0 : Number.NEGATIVE_INFINITY;
      for (const other of awaited) {
        latest = Math.max(latest, endNs[other]);
        before.push(nodeOf[other]);
      }
      lagNs.push(startNs[row] - latest);
      const begins = awaited.size > 0 && instance[row] >= 0 && content.instances[instance[row]].rows[0] === row;
      lagInPhase.push(begins ? 0 : 1);
      beforeFrom.push(before.length);
    }
    row++;
  }
  const starts = Float64Array.from(first, (of) => startNs[of]);
  const ends = Float64Array.from(last, (of) => endNs[of]);
  return {
    count: first.length,
    startNs: starts,
    endNs: ends,
    ownNs: Float64Array.from(ownNs),
    gapNs: Float64Array.from(ownNs, (ns, node) => ends[node] - starts[node] - ns),
    lagNs: Float64Array.from(lagNs),
    lagInPhase: Uint8Array.from(lagInPhase),
    class: Uint8Array.from(flags, (flag) => flag >> 2),
    rdma: Uint8Array.from(flags, (flag) => (flag >> 1) & 1),
    fasterNics: Float64Array.from(fasterNics),
    movesBytes: Uint8Array.from(flags, (flag) => flag & 1),
    stream: Int32Array.from(first, (of) => stream[of]),
    instance: Int32Array.from(first, (of) => instance[of]),
    beforeFrom: Uint32Array.from(beforeFrom),
    before: Uint32Array.from(before),
    syncNode: Int32Array.from(parts, ({ syncRow }) => nodeOf[syncRow]),
    sendNode: Int32Array.from(parts, ({ sendRow }) => (sendRow < 0 ? -1 : nodeOf[sendRow])),
    phases: content.instances.map(({ phase }) => phase),
    changeable: content.instances.map(({ phase, transfer }) => transfer ?? phase),
  };
}
