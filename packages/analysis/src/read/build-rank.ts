import { Columns } from '@epemu/core';
import type { KernelRoles } from '../kernel-role.js';
import { KERNEL_COLUMNS } from '../model.js';
import type { BytesTo, KernelColumns, PhaseInstance, TraceRank, TraceStream } from '../model.js';
import { annotatedInstances } from '../phases/annotated.js';
import type { PlacedInstance } from '../phases/annotated.js';
import { inferredInstances } from '../phases/inferred.js';
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

/** What an instance is after its kernels were sorted and moved to the analysis' zero. */
function finishInstance(placed: PlacedInstance, place: Uint32Array, kernels: KernelColumns): PhaseInstance {
  const [starts, ends, streams] = [kernels.column('startNs'), kernels.column('endNs'), kernels.column('stream')];
  const rows = placed.rows.map((row) => place[row]).sort((a, b) => a - b);
  let endNs = Number.NEGATIVE_INFINITY;
  const busyNs = new Map<number, number>();
  for (const row of rows) {
    endNs = Math.max(endNs, ends[row]);
    busyNs.set(streams[row], (busyNs.get(streams[row]) ?? 0) + ends[row] - starts[row]);
  }
  let stream = streams[rows[0]];
  for (const [other, ns] of busyNs) if (ns > busyNs.get(stream)!) stream = other;
  const { phase, operation, layer } = placed;
  return { phase, rows, startNs: starts[rows[0]], endNs, stream, operation, layer };
}

/**
 * Streams with what they are for: communication where that is most of their kernels and of their time. By time alone a
 * stream that computes and waits for a slow rank would be one for communication.
 */
function streamsOf(gpu: RawGpu, kernels: KernelColumns, names: NameTable, roles: KernelRoles): TraceStream[] {
  const excessNs = new Float64Array(gpu.streams.length);
  const excess = new Float64Array(gpu.streams.length);
  const [starts, ends] = [kernels.column('startNs'), kernels.column('endNs')];
  const [streams, nameIndices] = [kernels.column('stream'), kernels.column('name')];
  for (let row = 0; row < kernels.count; row++) {
    const kernelClass = roles.of(names.names[nameIndices[row]]).class;
    const sign = kernelClass === 'communication' ? 1 : -1;
    excessNs[streams[row]] += sign * (ends[row] - starts[row]);
    if (kernelClass !== 'memory') excess[streams[row]] += sign;
  }
  return gpu.streams.map((id, index) => {
    const isFor = excess[index] > 0 && excessNs[index] > 0 ? 'communication' : 'computation';
    return { id: String(id), name: `stream ${id}`, role: isFor };
  });
}

/** Puts one GPU's kernels in order and into phases. */
export function buildRank(source: RankSource, names: NameTable, roles: KernelRoles): TraceRank {
  const { rank, file, pid, gpu, collector, bytesTo, shiftNs } = source;
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
  const inferred = annotated.length === 0;
  const placed = inferred ? inferredInstances(orderedKernels(order, kernels, names, roles)) : annotated;
  const instances = placed
    .map((item) => finishInstance(item, place, kernels))
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
    streams: streamsOf(gpu, kernels, names, roles),
    instances,
    transfers,
    inferred,
    bytesTo,
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
