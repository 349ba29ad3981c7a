import { Columns } from '@epemu/core';
import { analyseSet } from '../analyze.js';
import { KernelRoles } from '../kernel-role.js';
import { KERNEL_COLUMNS } from '../model.js';
import type { BackgroundTransfer, KernelColumns, PhaseInstance, TraceRank, TraceSet } from '../model.js';
import { streamsOf } from '../streams.js';
import type { ComparedSide } from './side.js';
import { sideOfTraces } from './trace-side.js';

/** How long everything in a made layer takes, ns. */
export interface MadeLayer {
  readonly attnNs: number;
  /** Of the dispatch, which begins with attention's last half. */
  readonly dispatchNs: number;
  readonly mlpNs: number;
  /** A copy after the dispatch, beside nothing. */
  readonly copyNs: number;
  readonly idleNs: number;
  /** A background transfer that begins with the mlp; undefined for none. */
  readonly transferNs?: number;
}

export const LAYER: MadeLayer = { attnNs: 4000, dispatchNs: 5000, mlpNs: 6000, copyNs: 300, idleNs: 700 };

/** Kernels' names of a made trace: as a captured one has them, or an emulated one. */
export const NAMES = {
  captured: [
    'void cutlass::device_kernel<flash::FlashAttnFwd<int>>(int)',
    'void dpsk::ep::internode::dispatch<false, 8>(int4*)',
    'void cutlass::device_kernel<dpsk::grouped_gemm::cuda::fp8::GemmKernel>(int)',
    'Memcpy DtoD (Device -> Device)',
  ],
  emulated: [
    'flash::FlashAttnFwd',
    'ncclKernel_AllToAllv deep_ep::internode::dispatch',
    'dpsk::grouped_gemm::cuda::fp8::GemmKernel',
    'Memcpy DtoD (Device -> Device)',
  ],
} as const;

function madeRank(rank: number, layers: readonly MadeLayer[], names: readonly string[], roles: KernelRoles): TraceRank {
  const rows: number[][] = [];
  const instances: PhaseInstance[] = [];
  const transfers: BackgroundTransfer[] = [];
  let now = 0;
  const add = (phase: string | null, name: number, stream: number, startNs: number, ns: number): void => {
    rows.push([startNs, startNs + ns, stream, name, phase === null ? -1 : instances.length]);
    const made = { rows: [rows.length - 1], startNs, endNs: startNs + ns, stream, operation: undefined };
    if (phase !== null) instances.push({ phase, ...made, layer: undefined });
  };
  for (const layer of layers) {
    const dispatchAt = now + Math.floor(layer.attnNs / 2);
    const dispatchEnd = Math.max(now + layer.attnNs, dispatchAt + layer.dispatchNs);
    add('attn', 0, 0, now, layer.attnNs);
    add('dispatch', 1, 1, dispatchAt, layer.dispatchNs);
    add(null, 3, 0, dispatchEnd, layer.copyNs);
    add('mlp', 2, 0, dispatchEnd + layer.copyNs, layer.mlpNs);
    if (layer.transferNs !== undefined) {
      const startNs = dispatchEnd + layer.copyNs;
      transfers.push({ phase: 'COMBINE', startNs, endNs: startNs + layer.transferNs, operation: undefined });
    }
    now = dispatchEnd + layer.copyNs + Math.max(layer.mlpNs, layer.transferNs ?? 0) + layer.idleNs;
  }
  const columns = KERNEL_COLUMNS.map((_, column) => Float64Array.from(rows, (row) => row[column]));
  const kernels: KernelColumns = Columns.from(KERNEL_COLUMNS, columns);
  const streams = streamsOf([7, 27], kernels, names, roles);
  return {
    rank,
    file: `rank ${rank}`,
    kernels,
    streams,
    instances,
    transfers,
    inferred: false,
    bytesTo: undefined,
    sentBytes: new Map(),
  };
}

/** @returns a made trace as one side of a comparison: layers of each rank. */
export function madeSide(
  ranks: readonly (readonly MadeLayer[])[],
  source: keyof typeof NAMES = 'emulated',
  renamed: (phase: string) => string = (phase) => phase,
): ComparedSide {
  const roles = new KernelRoles();
  const names = NAMES[source];
  const set: TraceSet = {
    ranks: ranks.map((layers, rank) => {
      const made = madeRank(rank, layers, names, roles);
      return { ...made, instances: made.instances.map((item) => ({ ...item, phase: renamed(item.phase) })) };
    }),
    names,
    facts: {
      ...{ scenario: undefined, worldSize: ranks.length, nodeSize: 8, gpuName: undefined, gpuSms: undefined },
      ...{ computeSms: undefined, communicationSms: undefined, layerMarker: renamed('attn'), operations: [] },
      ...{ configuration: undefined, statement: undefined },
    },
    ...{ source, files: [source], problems: [] },
  };
  return sideOfTraces(source, analyseSet(set, roles, { align: 'never' }));
}

/** @returns so many equal layers. */
export function layersOf(count: number, layer: Partial<MadeLayer> = {}): MadeLayer[] {
  return Array.from({ length: count }, () => ({ ...LAYER, ...layer }));
}
