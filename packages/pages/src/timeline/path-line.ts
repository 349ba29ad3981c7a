import type { Window } from './level-of-detail.js';
import { firstAbove } from './lanes.js';

/** The critical path: pieces ascending in time, ns. */
export interface PathColumns {
  readonly track: Float64Array;
  readonly startNs: Float64Array;
  readonly endNs: Float64Array;
}

/**
 * Walks the line of the critical path through a window: along each piece, then to the next. Where many points fall on
 * one pixel, the line visits the first, the highest, the lowest and the last of them: at most four a pixel.
 * @returns points visited.
 */
export function walkPath(
  path: PathColumns,
  window: Window,
  yOf: (track: number) => number,
  visit: (x: number, y: number) => void,
): number {
  const { startNs, endNs, widthPx } = window;
  const scale = widthPx / (endNs - startNs);
  const count = path.track.length;
  let visited = 0;
  let pixel = NaN;
  let points: [number, number][] = [];
  const flush = (): void => {
    if (points.length > 4) {
      const byHeight = [...points].sort((a, b) => a[1] - b[1]);
      points = [points[0], byHeight[0], byHeight[byHeight.length - 1], points[points.length - 1]];
    }
    for (const [x, y] of points) visit(x, y);
    visited += points.length;
    points = [];
  };
  const point = (ns: number, y: number): void => {
    const x = Math.min(Math.max((ns - startNs) * scale, -10), widthPx + 10);
    if (Math.floor(x) !== pixel) flush();
    pixel = Math.floor(x);
    points.push([x, y]);
  };
  // The piece before the first visible one is where the line comes from.
  const first = Math.max(firstAbove(path.endNs, 0, count, startNs) - 1, 0);
  for (let i = first; i < count && (i === 0 || path.endNs[i - 1] < endNs); i++) {
    const y = yOf(path.track[i]);
    point(path.startNs[i], y);
    point(path.endNs[i], y);
  }
  flush();
  return visited;
}
