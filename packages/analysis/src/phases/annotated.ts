import type { TransferHalf } from '@epemu/timeline';
import type { FileCollector, RawGpu } from '../read/collector.js';
import { Containment } from './containment.js';
import type { NamedRange } from './containment.js';

/** A run of a phase by the kernels in it: rows of the GPU's kernels. */
export interface PlacedInstance {
  readonly phase: string;
  readonly rows: number[];
  readonly operation: number | undefined;
  readonly layer: number | undefined;
  readonly half: TransferHalf | undefined;
  readonly transfer: string | undefined;
}

const HALF = /^(issue|wait) (?=\S)/;

/** What an annotation says by its words of a transfer that it issues, or waits for. */
function annotatedTransfer(phase: string): Pick<PlacedInstance, 'half' | 'transfer'> {
  const half = HALF.exec(phase)?.[1] as TransferHalf | undefined;
  return { half, transfer: half === undefined ? undefined : phase.replace(HALF, '') };
}

/** Neither an issue nor a wait. */
export const WHOLE = { half: undefined, transfer: undefined } as const;

/** Collects rows by what began them. */
class Instances {
  readonly made: PlacedInstance[] = [];
  readonly #byKey = new Map<unknown, PlacedInstance>();
  readonly #ofRow = new Map<number, PlacedInstance>();

  /** @returns the instance that a row is in already. */
  of(row: number): PlacedInstance | undefined {
    return this.#ofRow.get(row);
  }

  /** Makes what is added by a key part of an instance that is there. */
  join(key: unknown, instance: PlacedInstance): void {
    if (!this.#byKey.has(key)) this.#byKey.set(key, instance);
  }

  add(key: unknown, row: number, make: () => Omit<PlacedInstance, 'rows'>): void {
    let instance = this.#byKey.get(key);
    if (instance === undefined) {
      instance = { ...make(), rows: [] };
      this.#byKey.set(key, instance);
      this.made.push(instance);
    }
    instance.rows.push(row);
    this.#ofRow.set(row, instance);
  }
}

/** Rows with the moment and the thread (or stream) that may lie in a range. */
interface Moments {
  readonly rows: readonly number[];
  readonly ns: (row: number) => number;
  readonly tid: (row: number) => number | string;
}

/** Tells for each row, in the order of its moments, the range that holds it. */
function* contained(
  { rows, ns, tid }: Moments,
  ranges: readonly NamedRange[],
): Generator<[number, NamedRange | undefined]> {
  const containment = new Containment(ranges);
  for (const row of [...rows].sort((a, b) => ns(a) - ns(b) || a - b)) {
    yield [row, containment.at(ns(row) / 1000, tid(row))];
  }
}

function addContained(
  moments: Moments,
  ranges: readonly NamedRange[],
  into: Instances,
  keyOf: (range: NamedRange) => unknown,
): number[] {
  if (ranges.length === 0) return [...moments.rows];
  const rest: number[] = [];
  for (const [row, range] of contained(moments, ranges)) {
    if (range === undefined) rest.push(row);
    else {
      const phase = range.name;
      into.add(keyOf(range), row, () => ({
        phase,
        operation: undefined,
        layer: undefined,
        ...annotatedTransfer(phase),
      }));
    }
  }
  return rest;
}

/** Shadows of one range of the host, on whatever streams, have one key where the trace says whose they are. */
function shadowKey(range: NamedRange): unknown {
  return range.externalId === undefined ? range : `${range.externalId} ${range.name}`;
}

function groupBy<Item>(items: Iterable<Item>, keyOf: (item: Item) => string): Map<string, Item[]> {
  const groups = new Map<string, Item[]>();
  for (const item of items) {
    const key = keyOf(item);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [item]);
    else group.push(item);
  }
  return groups;
}

/**
 * Puts kernels that no range of the host holds where the range on their stream is; where that is the shadow of a
 * host's range that holds other kernels, they are of its instance.
 */
function addShadowed(gpu: RawGpu, rest: readonly number[], instances: Instances): void {
  if (rest.length === 0 || gpu.ranges.length === 0) return;
  const { kernels } = gpu;
  const [streams, starts] = [kernels.column('stream'), kernels.column('startNs')];
  const ranges = groupBy(gpu.ranges, ({ tid }) => String(tid));
  const idOf = (row: number): number | string => gpu.streams[streams[row]];
  const moments = (rows: readonly number[]): Moments => ({ rows, ns: (row) => starts[row], tid: idOf });
  const all = Array.from(starts, (_, row) => row).filter((row) => instances.of(row) !== undefined);
  for (const [id, rows] of groupBy(all, (row) => String(idOf(row)))) {
    for (const [row, range] of contained(moments(rows), ranges.get(id) ?? [])) {
      const instance = instances.of(row)!;
      if (range?.name === instance.phase) instances.join(shadowKey(range), instance);
    }
  }
  for (const [id, rows] of groupBy(rest, (row) => String(idOf(row)))) {
    addContained(moments(rows), ranges.get(id) ?? [], instances, shadowKey);
  }
}

/** When and on which thread each of a GPU's kernels was launched, by row. */
export interface KernelLaunches {
  /** Not a number where no launch is in the file. */
  readonly ns: Float64Array;
  /** −1 where no launch is in the file. */
  readonly thread: Int32Array;
}

/** @returns the launches of a GPU's kernels, by their correlation. */
export function launchesOf(gpu: RawGpu, { launches }: FileCollector): KernelLaunches {
  const [times, threads] = [launches.column('ns'), launches.column('thread')];
  const byCorrelation = new Map<number, number>();
  launches.column('correlation').forEach((id, index) => byCorrelation.set(id, index));
  const ns = new Float64Array(gpu.kernels.count).fill(Number.NaN);
  const thread = new Int32Array(gpu.kernels.count).fill(-1);
  // All kernels of a CUDA graph have the correlation of the one call that launched it.
  const said = gpu.kernels.column('launchNs');
  gpu.kernels.column('correlation').forEach((id, row) => {
    ns[row] = said[row];
    const index = id < 0 ? undefined : byCorrelation.get(id);
    if (index === undefined) return;
    // An emulated trace has exact ns beside its integer µs.
    if (Number.isNaN(ns[row])) ns[row] = times[index];
    thread[row] = threads[index];
  });
  return { ns, thread };
}

/**
 * Groups a GPU's kernels into runs of phases: by the operation that an event names, else by the host's annotation
 * around its launch, on whatever thread, else by the annotation on its own stream.
 *
 * @returns instances in no order; kernels in none of them have no phase.
 */
export function annotatedInstances(
  pid: number | string,
  gpu: RawGpu,
  file: FileCollector,
  { ns, thread }: KernelLaunches,
): PlacedInstance[] {
  const instances = new Instances();
  const { kernels } = gpu;
  const [operations, layers] = [kernels.column('operation'), kernels.column('layer')];
  let rest: number[] = [];
  for (let row = 0; row < kernels.count; row++) {
    const operation = operations[row];
    const phase = operation < 0 ? undefined : file.phaseNames.get(`${pid} ${operation}`);
    if (phase === undefined) rest.push(row);
    else {
      instances.add(operation, row, () => ({ phase, operation, layer: layers[row], ...annotatedTransfer(phase) }));
    }
  }
  if (rest.length > 0 && file.hostRanges.length > 0) {
    const threadIds = [...file.threads.keys()];
    const launched = rest.filter((row) => thread[row] >= 0);
    const unlaunched = rest.filter((row) => thread[row] < 0);
    const moments: Moments = { rows: launched, ns: (row) => ns[row], tid: (row) => threadIds[thread[row]] };
    rest = [...unlaunched, ...addContained(moments, file.hostRanges, instances, (range) => range)];
  }
  addShadowed(gpu, rest, instances);
  return instances.made;
}
