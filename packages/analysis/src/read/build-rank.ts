import { Columns } from '@epemu/core';
import type { KernelRoles } from '../kernel-role.js';
import { KERNEL_COLUMNS } from '../model.js';
import type { BytesTo, KernelColumns, TraceRank } from '../model.js';
import { annotatedInstances } from '../phases/annotated.js';
import type { PlacedInstance } from '../phases/annotated.js';
import { inferredInstances } from '../phases/inferred.js';
import { phaseInstance } from '../phases/instance.js';
import { streamsOf } from '../streams.js';
import type { FileCollector, NameTable, RawGpu } from './collector.js';

/** Where one GPU's kernels come from and go to. */
export interface RankSource {
  readonly rank: number;
  readonly file: string;
  readonly pid: number | string;
  readonly gpu: RawGpu;
  readonly collector: FileCollector;
  readonly bytesTo: BytesTo | undefined;
  /** Added to all times, ns. */
  readonly shiftNs: number;
}

/** @returns rows ascending by start, ties by the order in the file. */
function byStart({ kernels }: RawGpu): Uint32Array {
  const starts = kernels.column('startNs');
  const order = Uint32Array.from(starts, (_, row) => row);
  let sorted = true;
  for (let row = 1; row < starts.length; row++) if (starts[row] < starts[row - 1]) sorted = false;
  return sorted ? order : order.sort((a, b) => starts[a] - starts[b] || a - b);
}

/** One GPU's kernels in order, and the phases that its trace itself puts them in. */
export interface OrderedRank {
  readonly source: RankSource;
  /** By row of the file's order: the row of `kernels`; and the other way round. */
  readonly place: Uint32Array;
  readonly order: Uint32Array;
  readonly kernels: KernelColumns;
  /** Rows are those of the file's order. */
  readonly annotated: readonly PlacedInstance[];
  /** By row of `kernels`. */
  readonly phaseOf: (row: number) => string | undefined;
}

/** Puts one GPU's kernels in order. */
export function orderRank(source: RankSource): OrderedRank {
  const { pid, gpu, collector, shiftNs } = source;
  const raw = gpu.kernels;
  const order = byStart(gpu);
  const place = new Uint32Array(order.length);
  order.forEach((row, index) => (place[row] = index));
  const columns = ['startNs', 'endNs', 'stream', 'name'] as const;
  const [startNs, endNs, stream, name] = columns.map((column) => {
    const values = raw.column(column);
    const isTime = column === 'startNs' || column === 'endNs';
    return Float64Array.from(order, (row) => values[row] + (isTime ? shiftNs : 0));
  });
  const instance = new Float64Array(order.length).fill(-1);
  const kernels: KernelColumns = Columns.from(KERNEL_COLUMNS, [startNs, endNs, stream, name, instance]);
  const annotated = annotatedInstances(pid, gpu, collector);
  const phases = new Map(annotated.flatMap(({ phase, rows }) => rows.map((row) => [place[row], phase] as const)));
  return { source, place, order, kernels, annotated, phaseOf: (row) => phases.get(row) };
}

/** Puts one GPU's kernels into phases. */
export function buildRank(ordered: OrderedRank, names: NameTable, roles: KernelRoles): TraceRank {
  const { order, place, kernels, annotated } = ordered;
  const { rank, file, gpu, bytesTo, shiftNs } = ordered.source;
  const instance = kernels.column('instance');
  const inferred = annotated.length === 0;
  const placed = inferred ? inferredInstances(orderedKernels(order, kernels, names, roles)) : annotated;
  const instances = placed
    .map(({ rows, ...phase }) =>
      phaseInstance(
        phase,
        rows.map((row) => place[row]).sort((a, b) => a - b),
        kernels,
      ),
    )
    .sort((a, b) => a.startNs - b.startNs || a.rows[0] - b.rows[0]);
  instances.forEach(({ rows }, index) => {
    for (const row of rows) instance[row] = index;
  });
  const transfers = gpu.transfers
    .filter((transfer) => transfer.endNs >= transfer.startNs)
    .map((transfer) => ({ ...transfer, startNs: transfer.startNs + shiftNs, endNs: transfer.endNs + shiftNs }))
    .sort((a, b) => a.startNs - b.startNs || a.endNs - b.endNs);
  return {
    rank,
    file,
    kernels,
    streams: streamsOf(gpu.streams, kernels, names.names, roles),
    instances,
    transfers,
    inferred,
    bytesTo,
    sentBytes: new Map([...gpu.sentBytes].map(([row, bytes]) => [place[row], bytes])),
  };
}

function orderedKernels(
  order: Uint32Array,
  kernels: KernelColumns,
  names: NameTable,
  roles: KernelRoles,
): Parameters<typeof inferredInstances>[0] {
  const [starts, ends] = [kernels.column('startNs'), kernels.column('endNs')];
  const [streams, nameIndices] = [kernels.column('stream'), kernels.column('name')];
  return Array.from(order, (row, index) => ({
    row,
    stream: streams[index],
    startNs: starts[index],
    endNs: ends[index],
    role: roles.of(names.names[nameIndices[index]]),
  }));
}
