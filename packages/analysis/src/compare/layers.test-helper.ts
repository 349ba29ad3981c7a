import { RankView } from '@epemu/timeline';
import type { BackgroundTransfer, KernelIdentity, PhaseInstance } from '@epemu/timeline';
import { analyseSet } from '../analyze.js';
import { kernelColumns } from '../kernel-columns.test-helper.js';
import type { MadeKernel } from '../kernel-columns.test-helper.js';
import { KernelRoles } from '../kernel-role.js';
import type { TraceSet } from '../model.js';
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

function madeRank(
  rank: number,
  layers: readonly MadeLayer[],
  identities: readonly KernelIdentity[],
  renamed: (phase: string) => string,
): RankView {
  const rows: MadeKernel[] = [];
  const instances: PhaseInstance[] = [];
  const transfers: BackgroundTransfer[] = [];
  let now = 0;
  const add = (phase: string | null, kernel: number, stream: number, startNs: number, ns: number): void => {
    const instance = phase === null ? -1 : instances.length;
    rows.push({ startNs, endNs: startNs + ns, stream, kernel, instance });
    if (phase === null) return;
    const unknown = { operation: undefined, layer: undefined, half: undefined, transfer: undefined };
    const made = { rows: [rows.length - 1], startNs, endNs: startNs + ns, stream };
    instances.push({ phase: renamed(phase), ...made, ...unknown });
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
  const kernels = kernelColumns(rows);
  return new RankView({
    rank,
    file: `rank ${rank}`,
    kernels,
    identities,
    streams: streamsOf([7, 27], kernels, identities),
    instances,
    transfers,
    inferred: false,
    bytesTo: undefined,
    sentBytes: new Map(),
  });
}

/** @returns a made trace as one side of a comparison: layers of each rank. */
export function madeSide(
  ranks: readonly (readonly MadeLayer[])[],
  source: keyof typeof NAMES = 'emulated',
  renamed: (phase: string) => string = (phase) => phase,
): ComparedSide {
  const roles = new KernelRoles();
  const identities = NAMES[source].map((name): KernelIdentity => {
    return { name, label: undefined, ctas: undefined, ...roles.of(name) };
  });
  const set: TraceSet = {
    ranks: ranks.map((layers, rank) => madeRank(rank, layers, identities, renamed)),
    identities,
    facts: {
      ...{ scenario: undefined, worldSize: ranks.length, nodeSize: 8, gpuName: undefined, gpuSms: undefined },
      ...{ computeSms: undefined, communicationSms: undefined, layerMarker: renamed('attn'), operations: [] },
      ...{ configuration: undefined, statement: undefined },
    },
    ...{ source, files: [source], problems: [] },
  };
  return sideOfTraces(source, analyseSet(set, { align: 'never' }));
}

/** @returns so many equal layers. */
export function layersOf(count: number, layer: Partial<MadeLayer> = {}): MadeLayer[] {
  return Array.from({ length: count }, () => ({ ...LAYER, ...layer }));
}
