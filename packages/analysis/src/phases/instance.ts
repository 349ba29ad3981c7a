import type { KernelColumns, PhaseInstance } from '../model.js';

/** @returns a run of a phase by its kernels. @param rows of the rank's kernels, ascending by start; at least one. */
export function phaseInstance(
  phase: Pick<PhaseInstance, 'phase' | 'operation' | 'layer'>,
  rows: readonly number[],
  kernels: KernelColumns,
): PhaseInstance {
  const [starts, ends, streams] = [kernels.column('startNs'), kernels.column('endNs'), kernels.column('stream')];
  let endNs = Number.NEGATIVE_INFINITY;
  const busyNs = new Map<number, number>();
  for (const row of rows) {
    endNs = Math.max(endNs, ends[row]);
    busyNs.set(streams[row], (busyNs.get(streams[row]) ?? 0) + ends[row] - starts[row]);
  }
  let stream = streams[rows[0]];
  for (const [other, ns] of busyNs) if (ns > busyNs.get(stream)!) stream = other;
  return { ...phase, rows, startNs: starts[rows[0]], endNs, stream };
}
