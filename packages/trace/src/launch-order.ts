import type { Operation } from '@epemu/schedule';
import type { PhaseInstance, ProgramFacts, RankView } from '@epemu/timeline';

import { microseconds } from './json.js';

/** A phase of a rank with its kernels in launch order. */
export interface LaunchedPhase {
  readonly operation: Operation;
  readonly instance: PhaseInstance;
  /** Rows of the view's kernels, as they were launched; those launched at once by start. */
  readonly rows: readonly number[];
  /** Place of the first of them among all kernels of the rank, in launch order. */
  readonly from: number;
}

/** @returns a rank's phases in launch order: operations are launched one after the other. */
export function launchedPhases({ content }: RankView, facts: ProgramFacts): LaunchedPhase[] {
  const { launchNs } = content.kernels;
  const instances = [...content.instances].sort((a, b) => a.operation! - b.operation!);
  let from = 0;
  return instances.map((instance) => {
    const rows = [...instance.rows].sort((a, b) => launchNs[a] - launchNs[b] || a - b);
    const launched = { operation: facts.operation(instance.operation!), instance, rows, from };
    from += rows.length;
    return launched;
  });
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
