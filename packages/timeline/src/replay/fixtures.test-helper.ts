import { resolveConfiguration } from '@epemu/config';
import type { Configuration } from '@epemu/config';
import type { Columns } from '@epemu/core';
import type { CollectiveUse, KernelDescription, Operation, OperationKernel, Program } from '@epemu/schedule';
import { emptyRecord } from '../rank-record.js';
import type { RankRecord } from '../rank-record.js';

export const COMPUTE = 7;
export const SECOND = 23;
export const COMMUNICATION = 27;

/**
 * Two ranks with round numbers: gaps of 10 ns, 110 ns from a polled notify to what follows, RDMA latency 50 ns, NVLink 20 ns,
 * dispatch at 2 (RDMA) and 8 bytes a ns (NVLink), combine at 4 and 8, low-latency dispatch at 1.
 */
export function twoRanks(nodeSize: 1 | 2): Configuration {
  const transfers = {
    dispatch: { rdma: 2, nvlink: 8 },
    combine: { nvlink: 8, rdma: 4 },
    lowLatencyDispatch: { rdma: 1 },
  };
  return resolveConfiguration({
    scenario: 'prefill',
    flags: { ranks: 2 },
    settings: [
      `hardware.nodeSize=${nodeSize}`,
      ...['hardware.kernelGapNs=10', 'hardware.host.notifyPollNs=110'],
      ...['hardware.host.launchLatencyNs=0', 'hardware.host.eagerLaunchNs=0'],
      ...['hardware.ports.rdma.latencyNs=50', 'hardware.ports.nvlink.latencyNs=20'],
      'schedule.communicationSms=1',
      ...Object.entries(transfers).map(([kind, rates]) => {
        const links = Object.fromEntries(
          Object.entries(rates).map(([link, rate]) => [
            link,
            kind === 'lowLatencyDispatch' ? { efficiency: rate / 50 } : { GBpsPerSm: rate },
          ]),
        );
        const transfer = { hops: Object.keys(rates), links, basis: 'assumed', source: 'round numbers' };
        return `hardware.transfers.feb25.${kind}=${JSON.stringify(transfer)}`;
      }),
    ],
  });
}

const KERNEL: KernelDescription = { name: 'k', class: 'compute', category: 'k', grid: [1, 1, 1], block: [1, 1, 1] };

/** The parts of an operation that replay looks at. */
export interface Step {
  readonly kind: Operation['kind'];
  readonly gates?: readonly number[];
  readonly kernels: readonly Omit<OperationKernel, 'kernel'>[];
  readonly collective?: CollectiveUse;
  readonly issue?: number;
  readonly recorded?: boolean;
}

/** A program of steps in launch order; collectives on the communication stream, all else on the compute stream. */
export function programOf(steps: readonly Step[]): Program {
  const operations = steps.map(({ gates = [], kernels, recorded = true, ...rest }, id): Operation => ({
    ...rest,
    id,
    phase: `phase ${id}`,
    stream: rest.kind === 'collective' ? COMMUNICATION : COMPUTE,
    row: 0,
    layer: 0,
    dense: false,
    role: 0,
    microBatch: 0,
    step: 0,
    direction: 'forward',
    tokens: [],
    recorded,
    gates,
    beside: [],
    list: 'k',
    kernels: kernels.map((kernel) => ({ ...kernel, kernel: 0 })),
    ...(rest.collective === undefined ? {} : { exchange: rest.issue ?? id }),
  }));
  const streams = [COMPUTE, SECOND, COMMUNICATION].map((id) => ({ id, name: String(id) }));
  return {
    ...{ launch: 'eager', kernels: [KERNEL], operations, streams, layerMarker: 'phase 0' },
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
          ranks: Array.from({ length: 64 }, (_, rank) => rank),
          group: 'all',
          groupRanks: [0],
          attends: true,
          firstOperation: 0,
          operationCount: 0,
        },
      ],
    },
  };
}

function hopsOf(type: CollectiveUse['type'], mode: CollectiveUse['mode'] = 'normal'): number[] {
  if (mode !== 'normal') return [0];
  return type === 'combine' ? [1, 0] : [0, 1];
}

export function collective(type: 'dispatch' | 'combine', changes: Partial<CollectiveUse> = {}): CollectiveUse {
  return {
    type,
    mode: 'normal',
    cached: type === 'combine',
    direction: 'forward',
    rateKind: type,
    hops: hopsOf(type, changes.mode),
    ...changes,
  };
}

/** A segment of a record, by name. */
export interface SegmentRow {
  readonly operation: number;
  readonly hop: number;
  readonly peer: number;
  readonly origin: number;
  readonly destination: number;
  readonly segment?: number;
  readonly bytes: number;
}

/** A rank's record: solo times by operation and kernel, and segments in the order they were sent. */
export function recordOf(
  rank: number,
  soloNs: readonly (readonly number[])[],
  segments: readonly SegmentRow[] = [],
): RankRecord {
  const record = emptyRecord(rank);
  soloNs.forEach((kernels, operation) => {
    kernels.forEach((solo, index) => {
      record.durations.push(operation, index, solo, solo, 0);
    });
  });
  for (const { operation, hop, peer, origin, destination, segment = 0, bytes } of segments) {
    record.segments.push(operation, hop, peer, origin, destination, segment, bytes);
  }
  return record;
}

/** Rows of the chosen columns. */
export function rowsOf<Names extends string>(columns: Columns<Names>, ...names: readonly Names[]): number[][] {
  return Array.from({ length: columns.count }, (_, row) => names.map((name) => columns.column(name)[row]));
}
