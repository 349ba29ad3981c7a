import { firstAbove } from './lanes.js';
import type { Window } from './level-of-detail.js';

/** The critical path: pieces ascending in time, ns. */
export interface PathColumns {
  readonly track: Float64Array;
  readonly startNs: Float64Array;
  readonly endNs: Float64Array;
}

/** Points of the line that fall on one pixel. */
interface Pixel {
  readonly firstX: number;
  readonly firstY: number;
  low: number;
  high: number;
  lastX: number;
  lastY: number;
}

/**
 * Walks the line of the critical path through a window: along each piece, then to the next. Of the points on one
 * pixel it visits the first, the outermost in height, and the last: at most four.
 * @returns points visited.
 */
export function walkPath(
  path: PathColumns,
  { startNs, endNs, widthPx }: Window,
  yOf: (track: number) => number,
  visit: (x: number, y: number) => void,
): number {
  const scale = widthPx / (endNs - startNs);
  const count = path.track.length;
  let visited = 0;
  let pixel: Pixel | null = null;
  const go = (x: number, y: number): void => {
    visit(x, y);
    visited += 1;
  };
  const leave = ({ firstX, firstY, low, high, lastX, lastY }: Pixel): void => {
    go(firstX, firstY);
    if (low < Math.min(firstY, lastY)) go(firstX, low);
    if (high > Math.max(firstY, lastY)) go(lastX, high);
    if (lastX !== firstX || lastY !== firstY) go(lastX, lastY);
  };
  const point = (ns: number, y: number): void => {
    const x = Math.min(Math.max((ns - startNs) * scale, -10), widthPx + 10);
    if (pixel !== null && Math.floor(x) === Math.floor(pixel.firstX)) {
      pixel.low = Math.min(pixel.low, y);
      pixel.high = Math.max(pixel.high, y);
      pixel.lastX = x;
      pixel.lastY = y;
      return;
    }
    if (pixel !== null) leave(pixel);
    pixel = { firstX: x, firstY: y, low: y, high: y, lastX: x, lastY: y };
  };
  // The piece before the first visible one is where the line comes from.
  const first = Math.max(firstAbove(path.endNs, 0, count, startNs) - 1, 0);
  for (let i = first; i < count && (i === 0 || path.endNs[i - 1] < endNs); i++) {
    const y = yOf(path.track[i]);
    point(path.startNs[i], y);
    point(path.endNs[i], y);
  }
  if (pixel !== null) leave(pixel);
  return visited;
}
