import type { KernelColumns, PhaseInstance } from './rank-view.js';

/** What is known of a run of a phase beside its kernels. */
export type PhaseFacts = Pick<PhaseInstance, 'phase' | 'operation' | 'layer' | 'half' | 'transfer'> & {
  /** Index of the stream that it runs on; undefined where only its kernels tell. */
  readonly stream: number | undefined;
};

/** @returns a run of a phase by its kernels. @param rows of the rank's kernels, ascending by start; at least one. */
export function phaseInstance(facts: PhaseFacts, rows: readonly number[], kernels: KernelColumns): PhaseInstance {
  let endNs = Number.NEGATIVE_INFINITY;
  for (const row of rows) endNs = Math.max(endNs, kernels.endNs[row]);
  const { phase, operation, layer, half, transfer, stream = busiest(rows, kernels) } = facts;
  // Spelt out: V8 describes the layout of each object that was spread anew, in more memory than the object takes.
  return { phase, rows, startNs: kernels.startNs[rows[0]], endNs, stream, operation, layer, half, transfer };
}

/** @returns the stream that most of the kernels' time is on, the first of several alike. */
function busiest(rows: readonly number[], { startNs, endNs, stream }: KernelColumns): number {
  const busyNs = new Map<number, number>();
  for (const row of rows) busyNs.set(stream[row], (busyNs.get(stream[row]) ?? 0) + endNs[row] - startNs[row]);
  let most = stream[rows[0]];
  for (const [other, ns] of busyNs) if (ns > busyNs.get(most)!) most = other;
  return most;
}

/**
 * @returns instances in the order in which they start, and sets the kernels' instance column to them.
 * @param kernels whose `instance` column is −1 throughout.
 */
export function placeInstances(instances: readonly PhaseInstance[], kernels: KernelColumns): PhaseInstance[] {
  const sorted = [...instances].sort((a, b) => a.startNs - b.startNs || a.rows[0] - b.rows[0]);
  sorted.forEach(({ rows }, index) => {
    for (const row of rows) kernels.instance[row] = index;
  });
  return sorted;
}
