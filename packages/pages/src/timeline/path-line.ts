import { firstAbove } from './lanes.js';
import type { Window } from './level-of-detail.js';

/** The critical path: pieces ascending in time, ns. */
export interface PathColumns {
  readonly track: Float64Array;
  readonly startNs: Float64Array;
  readonly endNs: Float64Array;
}

/** A stretch of the path as it is drawn: along one track, pixels from the window's left edge. */
export interface PathStretch {
  readonly track: number;
  readonly fromX: number;
  readonly toX: number;
}

/** Stretches that the path is drawn as, and whether some stand for several pieces. */
export interface PathLine {
  readonly stretches: readonly PathStretch[];
  readonly thinned: boolean;
}

/** Pieces narrower than this are drawn together, pixels: a connector for each would be a solid band. */
const SPACING = 6;
/** How far beyond its edges the window is drawn, pixels: the line comes from there and goes on there. */
const BEYOND = 10;

/** Short pieces that begin in one cell of the grid of time, and their time by track. */
interface Group {
  readonly cell: number;
  readonly startNs: number;
  endNs: number;
  readonly timeOn: Map<number, number>;
}

/** @returns the track with the most time of a group. */
function mainTrack({ timeOn }: Group): number {
  let [main, most] = [-1, -1];
  for (const [track, time] of timeOn) {
    if (time > most) [main, most] = [track, time];
  }
  return main;
}

/**
 * Thins the critical path to what can be seen in a window: a piece of a few pixels is drawn as it is; shorter ones
 * share a stretch on the track where most of their time is.
 */
export function pathLine(path: PathColumns, { startNs, endNs, widthPx }: Window): PathLine {
  const scale = widthPx / (endNs - startNs);
  const stretches: { track: number; fromX: number; toX: number }[] = [];
  let thinned = false;
  let group = null as Group | null;
  const xOf = (ns: number): number => Math.min(Math.max((ns - startNs) * scale, -BEYOND), widthPx + BEYOND);
  const add = (track: number, from: number, to: number): void => {
    const last = stretches.at(-1);
    if (last?.track === track) last.toX = xOf(to);
    else stretches.push({ track, fromX: xOf(from), toX: xOf(to) });
  };
  const leave = (): void => {
    if (group === null) return;
    thinned ||= group.timeOn.size > 1;
    add(mainTrack(group), group.startNs, group.endNs);
    group = null;
  };
  // The piece before the first visible one is where the line comes from.
  const first = Math.max(firstAbove(path.endNs, 0, path.track.length, startNs) - 1, 0);
  for (let i = first; i < path.track.length && (i === 0 || path.endNs[i - 1] < endNs); i++) {
    const [from, to, track] = [path.startNs[i], path.endNs[i], path.track[i]];
    if ((to - from) * scale >= SPACING) {
      leave();
      add(track, from, to);
      continue;
    }
    // Cells are fixed in time: what is drawn stays the same while the view moves.
    const cell = Math.floor((from * scale) / SPACING);
    if (group?.cell !== cell) {
      leave();
      group = { cell, startNs: from, endNs: to, timeOn: new Map() };
    }
    group.endNs = to;
    group.timeOn.set(track, (group.timeOn.get(track) ?? 0) + to - from);
  }
  leave();
  return { stretches, thinned };
}
