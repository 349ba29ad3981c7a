import type { Operation } from '@epemu/schedule';
import type { PhaseInstance, ProgramFacts, RankView } from '@epemu/timeline';

import { microseconds } from './json.js';
import type { KernelSync, SyncPlan } from './sync-plan.js';

/** A kernel as it was launched. */
export interface LaunchedKernel {
  /** Row of the view's kernels. */
  readonly row: number;
  /** Place in the operation's kernels. */
  readonly index: number;
  readonly sync: KernelSync;
  /** Number of the call that launches it among all calls of the rank, from 1; waits go before it, records behind it. */
  readonly call: number;
}

/** A phase of a rank with its kernels in launch order. */
export interface LaunchedPhase {
  readonly operation: Operation;
  readonly instance: PhaseInstance;
  /** As they were launched; those launched at once by start. */
  readonly kernels: readonly LaunchedKernel[];
}

/** @returns a rank's phases in launch order: operations are launched one after the other. */
export function launchedPhases({ content }: RankView, facts: ProgramFacts, plan: SyncPlan): LaunchedPhase[] {
  const { launchNs, kernel: identities, stream: streams } = content.kernels;
  const instances = [...content.instances].sort((a, b) => a.operation! - b.operation!);
  let calls = 0;
  return instances.map((instance) => {
    const operation = facts.operation(instance.operation!);
    const rows = [...instance.rows].sort((a, b) => launchNs[a] - launchNs[b] || a - b);
    let next = 0;
    const kernels = rows.map((row) => {
      // Of a rank that was stopped not every kernel is there.
      const index = operation.kernels.findIndex(
        ({ kernel, stream = operation.stream }, place) =>
          place >= next &&
          facts.identity(operation.id, kernel) === identities[row] &&
          String(stream) === content.streams[streams[row]].id,
      );
      if (index >= 0) next = index + 1;
      const sync = plan.of(operation.id, index);
      const call = calls + sync.waits.length + 1;
      calls = call + callsBehind(sync);
      return { row, index, sync, call };
    });
    return { operation, instance, kernels };
  });
}

/** @returns how many calls follow the launch of a kernel for what waits for it. */
export function callsBehind({ isRecorded, isPolled }: KernelSync): number {
  return (isRecorded ? 1 : 0) + (isPolled ? 1 : 0);
}

/** @returns how many calls the phases have. */
export function callCount(phases: readonly LaunchedPhase[]): number {
  const last = phases.at(-1)?.kernels.at(-1);
  return last === undefined ? 0 : last.call + callsBehind(last.sync);
}

/** First to last kernel of a phase on one stream, µs. */
interface Extent {
  readonly stream: string;
  readonly start: number;
  end: number;
}

/** @returns the extents of a phase's kernels, one per stream, in the order of their starts. */
export function streamExtents({ content }: RankView, { rows }: PhaseInstance): readonly Extent[] {
  const { kernels, streams } = content;
  const extents: Extent[] = [];
  for (const row of rows) {
    const stream = streams[kernels.stream[row]].id;
    const end = microseconds(kernels.endNs[row]);
    const extent = extents.find((candidate) => candidate.stream === stream);
    if (extent === undefined) extents.push({ stream, start: microseconds(kernels.startNs[row]), end });
    else extent.end = Math.max(extent.end, end);
  }
  return extents;
}
