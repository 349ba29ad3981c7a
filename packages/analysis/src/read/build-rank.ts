import { RankView, phaseInstance, placeInstances } from '@epemu/timeline';
import type { BytesTo, KernelColumns, KernelIdentity, RecordedWaits, StepWindow } from '@epemu/timeline';
import type { TraceOperation } from '../model.js';
import { annotatedInstances, launchesOf } from '../phases/annotated.js';
import type { PlacedInstance } from '../phases/annotated.js';
import { inferredInstances } from '../phases/inferred.js';
import { streamsOf } from '../streams.js';
import type { FileCollector, RawGpu } from './collector.js';
import type { ListedKernels } from './file-metadata.js';
import type { IdentityTable } from './identity-table.js';
import { recordedWaits } from './recorded-waits.js';
import { stepWindows } from './steps.js';

/** Where one GPU's kernels come from and go to. */
export interface RankSource {
  readonly rank: number;
  readonly file: string;
  readonly pid: number | string;
  readonly gpu: RawGpu;
  readonly collector: FileCollector;
  readonly bytesTo: BytesTo | undefined;
  /** What the file says of its kernels and streams. */
  readonly listed: ListedKernels;
  /** Whether the file's times count from a moment that all hosts know. */
  readonly isAbsolute: boolean;
  /** Added to all times, ns. */
  readonly shiftNs: number;
}

/**
 * @returns rows ascending by start; of those that start at the same time the lower stream first, as in a run's own records,
 * whatever the order in the file; then by that.
 */
function byStart({ kernels, streams }: RawGpu): Uint32Array {
  const starts = kernels.column('startNs');
  const places = kernels.column('stream');
  // Names of streams come behind numbers, in the order in which they came.
  const ids = streams.map((id, index) => (Number.isNaN(Number(id)) ? 1e15 + index : Number(id)));
  const compare = (a: number, b: number): number => starts[a] - starts[b] || ids[places[a]] - ids[places[b]] || a - b;
  const order = Uint32Array.from(starts, (_, row) => row);
  let sorted = true;
  for (let row = 1; row < starts.length; row++) if (compare(row - 1, row) > 0) sorted = false;
  return sorted ? order : order.sort(compare);
}

/** One GPU's kernels in order, and the phases that its trace itself puts them in. */
export interface OrderedRank {
  readonly source: RankSource;
  /** By row of the file's order: the row of `kernels`; and the other way round. */
  readonly place: Uint32Array;
  readonly order: Uint32Array;
  /** `kernel` is the index of a name until the rank is built. */
  readonly kernels: KernelColumns;
  /** Rows are those of the file's order. */
  readonly annotated: readonly PlacedInstance[];
  readonly steps: readonly StepWindow[];
  readonly waits: RecordedWaits | undefined;
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
  const launches = launchesOf(gpu, collector);
  const times = (values: Float64Array): Float64Array => Float64Array.from(order, (row) => values[row] + shiftNs);
  const numbers = (column: 'stream' | 'name' | 'operation'): Int32Array => {
    const values = raw.column(column);
    return Int32Array.from(order, (row) => values[row]);
  };
  const kernels: KernelColumns = {
    count: order.length,
    startNs: times(raw.column('startNs')),
    endNs: times(raw.column('endNs')),
    launchNs: times(launches.ns),
    stream: numbers('stream'),
    kernel: numbers('name'),
    operation: numbers('operation'),
    instance: new Int32Array(order.length).fill(-1),
  };
  const annotated = annotatedInstances(pid, gpu, collector, launches);
  const phases = new Map(annotated.flatMap(({ phase, rows }) => rows.map((row) => [place[row], phase] as const)));
  const steps = stepWindows(gpu, collector, launches, shiftNs);
  const waits = placedWaits(recordedWaits(pid, gpu, collector, launches), place);
  return { source, place, order, kernels, annotated, steps, waits, phaseOf: (row) => phases.get(row) };
}

/** @returns waits by rows of what was put in order. */
function placedWaits(waits: RecordedWaits | undefined, place: Uint32Array): RecordedWaits | undefined {
  if (waits === undefined) return undefined;
  const before = [...waits.before].map(([row, rows]) => [place[row], rows.map((other) => place[other])] as const);
  const untold = waits.untold === undefined ? undefined : new Set([...waits.untold].map((row) => place[row]));
  return { before: new Map(before), untold };
}

/** Turns names of kernels into what they are: what the file says of them, else what their names tell. */
function identify({ source, order, kernels }: OrderedRank, identities: IdentityTable): void {
  const listed = source.gpu.kernels.column('kernel');
  for (let row = 0; row < kernels.count; row++) {
    const known = source.listed.kernels[listed[order[row]]];
    const name = kernels.kernel[row];
    kernels.kernel[row] = known === undefined ? identities.ofName(name) : identities.ofListed(known, name);
  }
}

/**
 * Puts one GPU's kernels into phases.
 *
 * @param operations of the run's program, by id; none of captured traces.
 */
export function buildRank(
  ordered: OrderedRank,
  identities: IdentityTable,
  operations: ReadonlyMap<number, TraceOperation>,
): RankView {
  identify(ordered, identities);
  const { order, place, kernels, annotated } = ordered;
  const { rank, file, gpu, bytesTo, shiftNs, listed, isAbsolute } = ordered.source;
  const inferred = annotated.length === 0;
  const placed = inferred ? inferredInstances(orderedKernels(order, kernels, identities.list)) : annotated;
  const streamIndex = new Map(gpu.streams.map((id, index) => [String(id), index]));
  const instances = placed.map(({ rows, ...phase }) => {
    const known = phase.operation === undefined ? undefined : operations.get(phase.operation);
    const stream = known?.stream === undefined ? undefined : streamIndex.get(known.stream);
    const transfer = known === undefined ? phase.transfer : known.transfer;
    const half = known === undefined ? phase.half : transfer === undefined ? undefined : halfOf(known);
    const sorted = rows.map((row) => place[row]).sort((a, b) => a - b);
    return phaseInstance({ ...phase, stream, transfer, half }, sorted, kernels);
  });
  const transfers = gpu.transfers
    .filter((transfer) => transfer.endNs >= transfer.startNs)
    .map((transfer) => ({ ...transfer, startNs: transfer.startNs + shiftNs, endNs: transfer.endNs + shiftNs }))
    .sort((a, b) => a.startNs - b.startNs || a.endNs - b.endNs);
  return new RankView({
    rank,
    file,
    kernels,
    identities: identities.list,
    streams: streamsOf(gpu.streams, kernels, identities.list).map((stream) => {
      const role = listed.streams.get(stream.id);
      return role === undefined ? stream : { ...stream, role };
    }),
    instances: placeInstances(instances, kernels),
    transfers,
    inferred,
    bytesTo,
    sentBytes: new Map([...gpu.sentBytes].map(([row, bytes]) => [place[row], bytes])),
    groups: new Map([...gpu.groups].map(([row, group]) => [place[row], group])),
    steps: ordered.steps,
    ...(ordered.waits === undefined ? {} : { waits: ordered.waits }),
    isAbsolute,
  });
}

/** An operation with a transfer issues it, unless it names the issue that it waits for. */
function halfOf({ issue }: TraceOperation): 'issue' | 'wait' {
  return issue === undefined ? 'issue' : 'wait';
}

function orderedKernels(
  order: Uint32Array,
  { startNs, endNs, stream, kernel }: KernelColumns,
  identities: readonly KernelIdentity[],
): Parameters<typeof inferredInstances>[0] {
  return Array.from(order, (row, index) => ({
    row,
    stream: stream[index],
    startNs: startNs[index],
    endNs: endNs[index],
    role: identities[kernel[index]],
  }));
}
