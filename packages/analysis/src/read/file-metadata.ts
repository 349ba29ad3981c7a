import { isMapping } from '@epemu/core';
import { COLLECTIVE_ROLES, COLLECTIVE_TYPES, KERNEL_CLASSES } from '@epemu/timeline';
import type { BytesTo, CollectiveUse, KernelIdentity, RankStream } from '@epemu/timeline';
import type { RunFacts, TraceOperation } from '../model.js';

/** A kernel as emulated traces list it: its events name its place in the list. */
export type ListedKernel = Omit<KernelIdentity, 'name' | 'library'>;

/** What a file says of kernels and streams, that names and times would have to tell otherwise. */
export interface ListedKernels {
  /** By place in the list; undefined where the file says nothing of use. */
  readonly kernels: readonly (ListedKernel | undefined)[];
  /** What streams are for, by id. */
  readonly streams: ReadonlyMap<string, RankStream['role']>;
}

/** What stands beside a file's events, as far as it is of use; nothing of it has been checked before. */
export interface FileMetadata {
  readonly rank: number | undefined;
  /** Absolute µs that the file's times count from; 0 where they are absolute themselves. */
  readonly baseUs: number;
  readonly facts: RunFacts;
  readonly emulated: boolean;
  /** By rank: one in a rank's file, all in a merged trace. */
  readonly bytesTo: ReadonlyMap<number, BytesTo>;
  readonly listed: ListedKernels;
}

function recordOf(value: unknown): Readonly<Record<string, unknown>> {
  return isMapping(value) ? value : {};
}

function countOf(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : undefined;
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

function filled(value: unknown): string | undefined {
  const text = textOf(value);
  return text === undefined || text.trim() === '' ? undefined : text;
}

function numbersOf(value: unknown): number[] {
  return Array.isArray(value) ? value.filter((item): item is number => countOf(item) !== undefined) : [];
}

function operationsOf(value: unknown): TraceOperation[] {
  if (!Array.isArray(value)) return [];
  return value.flatMap((item: unknown) => {
    const { id, phase, layer, gates, issue, transfer, stream } = recordOf(item);
    if (countOf(id) === undefined || typeof phase !== 'string') return [];
    return [
      {
        id: id as number,
        phase,
        layer: typeof layer === 'number' ? layer : -1,
        stream: countOf(stream) === undefined ? undefined : String(stream),
        gates: numbersOf(gates),
        issue: countOf(issue),
        transfer: textOf(transfer),
      },
    ];
  });
}

function oneOf<Value extends string>(values: readonly Value[], value: unknown): Value | undefined {
  return values.find((one) => one === value);
}

function collectiveOf(value: unknown): CollectiveUse | undefined {
  const { type, role, link, shareWithFasterNics: share } = recordOf(value);
  const [knownType, knownRole] = [oneOf(COLLECTIVE_TYPES, type), oneOf(COLLECTIVE_ROLES, role)];
  if (knownType === undefined || knownRole === undefined) return undefined;
  const known = { type: knownType, role: knownRole, link: oneOf(['rdma', 'nvlink'], link) };
  return typeof share === 'number' && share > 0 && share <= 1 ? { ...known, shareWithFasterNics: share } : known;
}

function listedKernel(value: unknown): ListedKernel | undefined {
  const { class: kernelClass, category, label, collective, ctas } = recordOf(value);
  const known = oneOf(KERNEL_CLASSES, kernelClass);
  if (known === undefined || typeof category !== 'string') return undefined;
  return {
    label: textOf(label),
    class: known,
    category,
    collective: known === 'communication' ? collectiveOf(collective) : undefined,
    ctas: countOf(ctas),
  };
}

function listedOf({ kernels, streams }: Readonly<Record<string, unknown>>): ListedKernels {
  const roles = (Array.isArray(streams) ? streams : []).flatMap((item: unknown) => {
    const { id, role } = recordOf(item);
    const known = oneOf(['computation', 'communication'], role);
    return countOf(id) === undefined || known === undefined ? [] : [[String(id), known] as const];
  });
  return { kernels: Array.isArray(kernels) ? kernels.map(listedKernel) : [], streams: new Map(roles) };
}

/** @returns a number of things of which there is at least one. */
function sizeOf(value: unknown): number | undefined {
  return value === 0 ? undefined : countOf(value);
}

/** @returns bytes by rank; undefined where one of them is none, for leaving it out would move all behind it. */
function byRank(value: unknown): number[] | undefined {
  const numbers = numbersOf(value);
  return Array.isArray(value) && numbers.length === value.length ? numbers : undefined;
}

function bytesOf(value: unknown): BytesTo | undefined {
  const { rdma, nvlink } = recordOf(value);
  const [overRdma, overNvlink] = [byRank(rdma), byRank(nvlink)];
  return overRdma && overNvlink && { rdma: overRdma, nvlink: overNvlink, other: [] };
}

/** Absolute µs; 0 where no clock could have said so. */
function baseOf(ns: unknown): number {
  return typeof ns === 'number' && Math.abs(ns / 1000) <= Number.MAX_SAFE_INTEGER ? ns / 1000 : 0;
}

/** Rows of a merged trace's matrices, or the one row of a rank's file. */
function bytesToOf(epemu: Readonly<Record<string, unknown>>, bytes: unknown): Map<number, BytesTo> {
  const own = bytesOf(epemu.bytesTo);
  const rank = countOf(epemu.rank);
  if (own !== undefined && rank !== undefined) return new Map([[rank, own]]);
  const { senders, rdma, nvlink } = recordOf(bytes);
  if (!Array.isArray(rdma) || !Array.isArray(nvlink)) return new Map();
  const ranks = numbersOf(senders);
  return new Map(
    rdma.flatMap((row: unknown, index) => {
      const found = bytesOf({ rdma: row, nvlink: nvlink[index] as unknown });
      return found === undefined ? [] : [[ranks[index] ?? index, found] as const];
    }),
  );
}

function statementOf(value: unknown): RunFacts['statement'] {
  const { real, modelled } = recordOf(value);
  return typeof real === 'string' && typeof modelled === 'string' ? { real, modelled } : undefined;
}

/** Reads what stands beside a trace's events; what has another form than expected counts as absent. */
export function fileMetadata(text: string): FileMetadata {
  const parsed: unknown = JSON.parse(text);
  const { distributedInfo, deviceProperties, baseTimeNanoseconds, epemu: own, bytes } = recordOf(parsed);
  const distributed = recordOf(distributedInfo);
  const device = recordOf(Array.isArray(deviceProperties) ? deviceProperties[0] : undefined);
  const epemu = recordOf(own);
  return {
    rank: countOf(distributed.rank),
    baseUs: baseOf(baseTimeNanoseconds),
    emulated: Object.keys(epemu).length > 0,
    bytesTo: bytesToOf(epemu, bytes),
    listed: listedOf(epemu),
    facts: {
      scenario: textOf(epemu.scenario),
      worldSize: sizeOf(distributed.world_size) ?? sizeOf(epemu.ranks),
      nodeSize:
        sizeOf(epemu.nodeSize) ?? (Array.isArray(deviceProperties) ? sizeOf(deviceProperties.length) : undefined),
      // A merged trace is of many devices, and lists none.
      // In containers ROCm names no GPU.
      gpuName: filled(device.name) ?? filled(epemu.gpuName),
      gpuSms: countOf(device.numSms),
      computeSms: countOf(epemu.computeSms),
      communicationSms: countOf(epemu.communicationSms),
      layerMarker: textOf(epemu.layerMarker),
      operations: operationsOf(epemu.operations),
      configuration: epemu.configuration,
      statement: statementOf(epemu.statement),
    },
  };
}
