import type { KernelRole } from '../kernel-role.js';
import { WHOLE } from './annotated.js';
import type { PlacedInstance } from './annotated.js';

/** A kernel in the order in which a stream ran it. */
export interface OrderedKernel {
  readonly row: number;
  readonly stream: number;
  readonly startNs: number;
  readonly endNs: number;
  readonly role: KernelRole;
}

/** A collective by its kernels: layout, notify and transfer in a row on one stream. */
interface CollectiveRun {
  readonly type: string;
  readonly rows: readonly number[];
  readonly startNs: number;
}

/** Cuts communication kernels, stream by stream, into collectives: one ends with the kernel that moves bytes. */
function collectiveRuns(kernels: readonly OrderedKernel[]): CollectiveRun[] {
  const runs: CollectiveRun[] = [];
  const open = new Map<number, { readonly rows: number[]; readonly startNs: number }>();
  for (const { row, role, startNs, stream } of kernels) {
    if (role.collective === undefined) continue;
    const begun = open.get(stream) ?? { rows: [], startNs };
    begun.rows.push(row);
    const { type, role: part } = role.collective;
    if (part === 'layout' || part === 'notify') {
      open.set(stream, begun);
      continue;
    }
    runs.push({ type: part === 'transfer' ? type : `${part} ${type}`, ...begun });
    open.delete(stream);
  }
  // What waited and moved nothing before the trace ended.
  for (const begun of open.values()) runs.push({ type: 'barrier', ...begun });
  return runs.sort((a, b) => a.startNs - b.startNs || a.rows[0] - b.rows[0]);
}

/** @returns the shortest period of a sequence that repeats at least twice; its length where none does. */
export function periodOf(types: readonly string[]): number {
  // By how much the part up to each place ends as it begins (Knuth, Morris and Pratt).
  const alike = new Uint32Array(types.length);
  for (let at = 1; at < types.length; at++) {
    let length = alike[at - 1];
    while (length > 0 && types[at] !== types[length]) length = alike[length - 1];
    alike[at] = types[at] === types[length] ? length + 1 : 0;
  }
  const period = types.length - (alike.at(-1) ?? 0);
  return period <= types.length / 2 ? period : types.length;
}

/** Names the collectives by their place in the period: `dispatch`, or `dispatch 1` where a period has several. */
function placeNames(types: readonly string[], period: number): string[] {
  const counts = new Map<string, number>();
  for (const type of types.slice(0, period)) counts.set(type, (counts.get(type) ?? 0) + 1);
  const seen = new Map<string, number>();
  return types.slice(0, period).map((type) => {
    const place = (seen.get(type) ?? 0) + 1;
    seen.set(type, place);
    // Without a period a number for each of hundreds says nothing.
    return counts.get(type) === 1 || period === types.length ? type : `${type} ${place}`;
  });
}

/**
 * Names phases where a trace names none: collectives by their type and place in the order that repeats, and compute by
 * the collective that had begun last when it started (`beside dispatch 1`). No more is known, and none is invented.
 *
 * @param kernels all kernels of a rank, ascending by start.
 */
export function inferredInstances(kernels: readonly OrderedKernel[]): PlacedInstance[] {
  const runs = collectiveRuns(kernels);
  const types = runs.map(({ type }) => type);
  const period = Math.max(1, periodOf(types));
  const names = placeNames(types, period);
  const collectives = runs.map(({ rows }, index): PlacedInstance => {
    return { phase: names[index % period], rows: [...rows], operation: undefined, layer: undefined, ...WHOLE };
  });
  const compute: PlacedInstance[] = [];
  let next = 0;
  let open: PlacedInstance | undefined;
  for (const { row, startNs, role } of kernels) {
    while (next < runs.length && runs[next].startNs <= startNs) {
      next++;
      open = undefined;
    }
    if (role.collective !== undefined) continue;
    if (open === undefined) {
      const phase =
        next === 0
          ? runs.length === 0
            ? 'compute'
            : 'before the first collective'
          : `beside ${names[(next - 1) % period]}`;
      open = { phase, rows: [], operation: undefined, layer: undefined, ...WHOLE };
      compute.push(open);
    }
    open.rows.push(row);
  }
  return [...collectives, ...compute];
}
