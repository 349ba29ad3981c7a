import { clip, intersectionLength, lengthOf, unite } from './intervals.js';
import type { Intervals } from './intervals.js';

/** A span of virtual time, integer ns. */
export interface TimeWindow {
  readonly startNs: number;
  readonly endNs: number;
}

/**
 * Lengths, integer ns, by the definitions of Meta's Holistic Trace Analysis: intervals are merged by type over all
 * streams of the rank before they are compared.
 */
export interface OverlapFigures extends TimeWindow {
  /** The window's length; without a window, last end − first start. */
  readonly spanNs: number;
  readonly computeNs: number;
  readonly commNs: number;
  /** |communication ∩ compute|. */
  readonly overlapNs: number;
  /** Communication with no compute running. */
  readonly exposedNs: number;
  /** Span − |compute ∪ communication|. */
  readonly idleNs: number;
  /** Busy time of the communication stream, whatever runs on it. */
  readonly commStreamNs: number;
  /** Sum of all phases' wall times, each clipped to the window; a background transfer's window is one of them. */
  readonly serialNs: number;
}

/** What one rank did, merged by type. */
export interface OverlapParts {
  readonly compute: Intervals;
  readonly communication: Intervals;
  /** Copies and fills, which keep the GPU from being idle and are neither; none where left out. */
  readonly memory?: Intervals;
  /** Busy time of the communication stream; where no stream is for communication alone, its own busy time stands in. */
  readonly stream: Intervals | undefined;
  /** Extents of all phases, and of background transfers where these count. */
  readonly walls: readonly TimeWindow[];
}

/** @param window clips everything; without it the rank's own first start to last end. */
export function overlapFigures(parts: OverlapParts, window?: TimeWindow): OverlapFigures {
  const busy = unite(parts.compute, parts.communication);
  const all = parts.memory === undefined ? busy : unite(busy, parts.memory);
  const count = all.starts.length;
  const { startNs, endNs } = window ?? {
    startNs: count === 0 ? 0 : all.starts[0],
    endNs: count === 0 ? 0 : all.ends[count - 1],
  };
  const lengthInWindow = (intervals: Intervals): number => lengthOf(clip(intervals, startNs, endNs));
  const commNs = lengthInWindow(parts.communication);
  const overlapNs = intersectionLength(clip(parts.communication, startNs, endNs), parts.compute);
  let serialNs = 0;
  for (const wall of parts.walls) {
    serialNs += Math.max(0, Math.min(wall.endNs, endNs) - Math.max(wall.startNs, startNs));
  }
  return {
    startNs,
    endNs,
    spanNs: endNs - startNs,
    computeNs: lengthInWindow(parts.compute),
    commNs,
    overlapNs,
    exposedNs: commNs - overlapNs,
    idleNs: endNs - startNs - lengthInWindow(all),
    commStreamNs: lengthInWindow(parts.stream ?? parts.communication),
    serialNs,
  };
}
