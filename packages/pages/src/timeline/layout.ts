import type { TimelineTrack } from '../page-data.js';

/** Where a track is drawn: CSS pixels from the top of all rows. A height of 0 is a strip that it has not. */
export interface RowPlace {
  readonly top: number;
  readonly phaseTop: number;
  readonly phaseHeight: number;
  readonly kernelTop: number;
  readonly kernelHeight: number;
  /** Exposed marks, below the rest. */
  readonly markTop: number;
  readonly bottom: number;
}

/** A group's label and the rows beside it. */
export interface GroupPlace {
  readonly label: string;
  readonly top: number;
  readonly bottom: number;
}

/** Where everything is drawn. */
export interface Layout {
  readonly rows: readonly RowPlace[];
  readonly groups: readonly GroupPlace[];
  readonly height: number;
}

/** Height of exposed marks, pixels. */
export const MARK_HEIGHT = 4;
const PHASE_HEIGHT = 14;
const KERNEL_HEIGHT = 18;
const ROW_GAP = 5;
const GROUP_GAP = 9;

/** @returns the rows of the tracks below each other, a gap between groups. */
export function layOut(
  tracks: readonly TimelineTrack[],
  hasPhases: (track: number) => boolean,
  hasKernels: (track: number) => boolean,
): Layout {
  const rows: RowPlace[] = [];
  const groups: { label: string; top: number; bottom: number }[] = [];
  let y = 0;
  tracks.forEach(({ group }, track) => {
    if (groups.at(-1)?.label !== group) {
      if (groups.length > 0) y += GROUP_GAP;
      groups.push({ label: group, top: y, bottom: y });
    }
    const kernelHeight = hasKernels(track) ? KERNEL_HEIGHT : 0;
    const phaseHeight = hasPhases(track) || kernelHeight === 0 ? PHASE_HEIGHT : 0;
    const markTop = y + phaseHeight + kernelHeight;
    rows.push({
      top: y,
      phaseTop: y,
      phaseHeight,
      kernelTop: y + phaseHeight,
      kernelHeight,
      markTop,
      bottom: markTop + MARK_HEIGHT,
    });
    y = markTop + MARK_HEIGHT + ROW_GAP;
    groups.at(-1)!.bottom = y;
  });
  return { rows, groups, height: y };
}

/** @returns the first track whose row ends below `y`. */
export function trackBelow({ rows }: Layout, y: number): number {
  let low = 0;
  let high = rows.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (rows[middle].bottom > y) high = middle;
    else low = middle + 1;
  }
  return low;
}
