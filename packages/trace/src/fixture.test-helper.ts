import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import type { Columns } from '@epemu/core';
import { inPort, outPort } from '@epemu/schedule';
import type { CollectiveUse, KernelDescription, Operation, OperationKernel, Program } from '@epemu/schedule';
import { emptyTimeline, type RankTimeline } from '@epemu/timeline';

import type { RunDescription } from './run.js';

/** A small run for tests: four ranks on two nodes. */
export const RUN: RunDescription = {
  runId: 'r1',
  scenario: 'train',
  ranks: 4,
  nodeSize: 2,
  layers: 3,
  epemuVersion: '0.1.0',
  deviceProperties: { totalGlobalMem: 84943110144, numSms: 132, warpSize: 32 },
  gpuName: 'NVIDIA H800',
  bytesPerElementDispatch: 1,
  hidden: 7168,
  topK: 8,
  computeSms: 112,
  communicationSms: 20,
  host: { kernelLaunchNs: 150, launchLatencyNs: 100 },
  kernelNames: 'nccl',
  configuration: { ranks: 4, note: 'a "quoted" key, ]}, and a \\ backslash' },
};

function kernel(
  name: string,
  category: string,
  communication: boolean,
  grid: number,
  block: number,
): KernelDescription {
  const kind = communication ? 'communication' : 'compute';
  return { name, class: kind, category, grid: [grid, 1, 1], block: [block, 1, 1] };
}

const KERNELS: readonly KernelDescription[] = [
  kernel('fp8_gemm "tile"', 'gemm fp8 (dense)', false, 112, 384),
  kernel('Memset (Device)', 'memset', false, 1, 1),
  kernel('ncclKernel_AllToAllv notify', 'notify', true, 20, 320),
  kernel('ncclKernel_AllToAllv dispatch', 'dispatch forward', true, 20, 512),
  kernel('ncclKernel_AllToAllv combine', 'combine forward', true, 20, 800),
  kernel('ncclKernel_AllToAllv issue', 'low-latency send', true, 132, 1024),
  kernel('ncclKernel_AllToAllv receive', 'low-latency receive', true, 132, 1024),
];

function hopsOf(type: CollectiveUse['type'], mode: CollectiveUse['mode']): number[] {
  if (mode !== 'normal') return [0];
  return type === 'combine' ? [1, 0] : [0, 1];
}

function use(type: CollectiveUse['type'], mode: CollectiveUse['mode'], cached = false): CollectiveUse {
  return { type, mode, cached, direction: 'forward', rateKind: type, hops: hopsOf(type, mode) };
}

/** A layer: attention and experts on stream 7, dispatch and combine on 27, then a background dispatch. */
export function program(layers: number): Program {
  const operations: Operation[] = [];
  const add = (
    phase: string,
    kind: Operation['kind'],
    stream: number,
    layer: number,
    kernels: readonly OperationKernel[],
    rest: Partial<Operation> = {},
  ): number => {
    const id = operations.length;
    const common = {
      ...({
        row: layer,
        layer,
        dense: false,
        role: 0,
        microBatch: 0,
        step: 0,
        direction: 'forward',
        recorded: true,
      } as const),
      tokens: [],
    };
    operations.push({ id, phase, kind, stream, ...common, gates: [], beside: [], list: phase, kernels, ...rest });
    return id;
  };
  const compute = [0, 1, 0].map((index) => ({ kernel: index }));
  const collective = (transfer: number): OperationKernel[] => [
    { kernel: 2, role: 'notify' },
    { kernel: transfer, role: 'transfer' },
  ];
  for (let layer = 0; layer < layers; layer++) {
    add('attn(F)', 'compute', 7, layer, compute);
    add('dispatch(F)', 'collective', 27, layer, collective(3), { collective: use('dispatch', 'normal') });
    add('mlp(F)', 'compute', 7, layer, [...compute, { kernel: 0, stream: 23, after: 0 }]);
    add('combine(F)', 'collective', 27, layer, collective(4), { collective: use('combine', 'normal', true) });
    const background = use('dispatch', 'low-latency');
    const transfer = 'DISPATCH(0)';
    const sending: OperationKernel[] = [{ kernel: 5, role: 'transfer' }];
    const issue = add('issue DISPATCH(0)', 'issue', 7, layer, sending, { collective: background, transfer });
    add('SHARED(0)', 'compute', 7, layer, compute);
    add('wait DISPATCH(0)', 'wait', 7, layer, [{ kernel: 6 }], { collective: background, issue, transfer });
  }
  const streams = [
    { id: 7, name: 'compute' },
    { id: 23, name: 'second compute' },
    { id: 27, name: 'communication' },
  ];
  return {
    ...{ launch: 'eager', kernels: KERNELS, operations, streams, layerMarker: 'attn(F)' },
    ...{
      links: [
        { name: 'rdma', reach: 'cluster' },
        { name: 'nvlink', reach: 'node' },
      ],
      exchanges: [],
      earlier: [],
      untimed: [],
      neighbours: [],
      roles: [
        {
          name: 'all',
          ranks: [0],
          group: 'all',
          groupRanks: [0, 1, 2, 3],
          attends: true,
          firstOperation: 0,
          operationCount: 0,
        },
      ],
    },
  };
}

/**
 * A timeline of one rank as a run would give it: operations one after the other with a skew of its own, `segments`
 * segments to each other rank, sent at once and received 20 µs later.
 */
export function timeline(program: Program, rank: number, ranks: number, segments = 2): RankTimeline {
  const result = emptyTimeline(rank);
  let now = rank * 137;
  let issued = 0;
  for (const operation of program.operations) {
    const begin = now;
    for (const [index, item] of operation.kernels.entries()) {
      // The wait ends after what it waits for; kernels of a copy are so short that they round to nothing.
      const length = operation.kind === 'wait' ? 90_000 : item.kernel === 1 ? 300 : 41_000 + 777 * index;
      // The CPU is ahead of the GPU: no kernel is as short as a launch.
      const launchNs = result.events.count * RUN.host.kernelLaunchNs;
      result.events.push(item.stream ?? operation.stream, item.kernel, operation.id, now, now + length, launchNs);
      if (item.role === 'transfer') serve(result, operation, ranks, now + 500, segments);
      now += length;
    }
    if (operation.kind === 'issue') issued = begin;
    if (operation.kind === 'wait') result.transfers.push(operation.issue!, issued, now - 5_000);
    now += 250;
  }
  return result;
}

/**
 * The same timeline of a rank that was stopped: it has its first `kernels` kernels and what they sent and received.
 * A background transfer is recorded when it has arrived, so its window is whole or absent.
 */
export function stoppedTimeline(program: Program, rank: number, ranks: number, kernels: number): RankTimeline {
  const whole = timeline(program, rank, ranks);
  const result = emptyTimeline(rank);
  const ends = whole.events.column('endNs');
  const stopped = kernels === 0 ? -1 : ends[kernels - 1];
  copyUpTo(whole.events, result.events, stopped);
  copyUpTo(whole.services, result.services, stopped);
  copyUpTo(whole.transfers, result.transfers, stopped);
  return result;
}

function copyUpTo<N extends string>(from: Columns<N | 'endNs'>, to: Columns<N | 'endNs'>, endNs: number): void {
  const ends = from.column('endNs');
  const columns = from.names.map((name) => from.column(name));
  for (let row = 0; row < from.count; row++) {
    if (ends[row] <= endNs) to.push(...columns.map((values) => values[row]));
  }
}

function serve(result: RankTimeline, operation: Operation, ranks: number, at: number, segments: number): void {
  for (let peer = 0; peer < ranks; peer++) {
    if (peer === result.rank) continue;
    const near = Math.floor(peer / 2) === Math.floor(result.rank / 2);
    const ports = near ? [outPort(1), inPort(1)] : [outPort(0), inPort(0)];
    for (let segment = 0; segment < segments; segment++) {
      const hop = near ? 2 : 1;
      const { rank } = result;
      const { id } = operation;
      const bytes = 7168 * (1 + peer);
      result.services.push(ports[0], id, hop, peer, rank, peer, segment, bytes, at, at + 2_000);
      result.services.push(ports[1], id, hop, peer, peer, rank, segment, 7168, at + 20_000, at + 22_000);
    }
  }
}

/** Gives the body a directory that is gone afterwards. */
export async function withDirectory(body: (directory: string) => Promise<void>): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'epemu-trace-'));
  try {
    await body(directory);
  } finally {
    await rm(directory, { recursive: true });
  }
}
