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

  add(key: unknown, row: number, make: () => Omit<PlacedInstance, 'rows'>): void {
    let instance = this.#byKey.get(key);
    if (instance === undefined) {
      instance = { ...make(), rows: [] };
      this.#byKey.set(key, instance);
      this.made.push(instance);
    }
    instance.rows.push(row);
  }
}

/** Rows with the moment and the thread (or stream) that may lie in a range. */
interface Moments {
  readonly rows: number[];
  readonly ns: (row: number) => number;
  readonly tid: (row: number) => number | string;
}

function addContained({ rows, ns, tid }: Moments, ranges: readonly NamedRange[], into: Instances): number[] {
  if (ranges.length === 0) return rows;
  const containment = new Containment(ranges);
  const rest: number[] = [];
  for (const row of [...rows].sort((a, b) => ns(a) - ns(b) || a - b)) {
    const range = containment.at(ns(row) / 1000, tid(row));
    if (range === undefined) rest.push(row);
    else {
      const phase = range.name;
      into.add(range, row, () => ({ phase, operation: undefined, layer: undefined, ...annotatedTransfer(phase) }));
    }
  }
  return rest;
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
  const [operations, layers, streams] = [
    kernels.column('operation'),
    kernels.column('layer'),
    kernels.column('stream'),
  ];
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
    rest = [...unlaunched, ...addContained(moments, file.hostRanges, instances)];
  }
  const starts = kernels.column('startNs');
  for (const [stream, id] of gpu.streams.entries()) {
    const rows = rest.filter((row) => streams[row] === stream);
    const ranges = gpu.ranges.filter(({ tid }) => String(tid) === String(id));
    if (rows.length > 0) addContained({ rows, ns: (row) => starts[row], tid: () => id }, ranges, instances);
  }
  return instances.made;
}
