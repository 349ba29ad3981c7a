import { firstAbove, type Lanes } from './lanes.js';

/** A stretch of time and the pixels that it is drawn on. */
export interface Window {
  readonly startNs: number;
  readonly endNs: number;
  readonly widthPx: number;
}

/** Called for each rectangle: pixels from the window's left edge, kind, and the piece, −1 where it stands for many. */
export type DrawRectangle = (x: number, width: number, kind: number, piece: number) => void;

/** The kind with the most time among the pieces [from, to). */
function dominantKind(lanes: Lanes, from: number, to: number): number {
  let best = lanes.kinds[from];
  lanes.timeBefore.forEach((before, kind) => {
    const most = lanes.timeBefore[best];
    if (before[to] - before[from] > most[to] - most[from]) best = kind;
  });
  return best;
}

/**
 * Draws what a window shows of a track. A piece of a pixel or more is one rectangle; narrower ones share their
 * pixel's, in the colour of the kind with most time there, and pixels of one colour side by side are one rectangle.
 * So there are at most two rectangles a pixel, and the time taken grows with the pixels, not with the pieces.
 * @returns rectangles drawn.
 */
export function drawLane(lanes: Lanes, track: number, window: Window, draw: DrawRectangle): number {
  const { startNs, endNs, widthPx } = window;
  const scale = widthPx / (endNs - startNs);
  const to = lanes.offsets[track + 1];
  let drawn = 0;
  let runStart = 0;
  let runEnd = -1;
  let runKind = -1;
  const flush = (): void => {
    if (runEnd < 0) return;
    draw(runStart, runEnd - runStart, runKind, -1);
    drawn += 1;
    runEnd = -1;
  };
  let i = firstAbove(lanes.maxEnds, lanes.offsets[track], to, startNs);
  while (i < to && lanes.starts[i] < endNs) {
    const left = (lanes.starts[i] - startNs) * scale;
    const right = (lanes.ends[i] - startNs) * scale;
    if (right - left >= 1) {
      flush();
      const x = Math.max(left, -1);
      draw(x, Math.min(right, widthPx + 1) - x, lanes.kinds[i], i);
      drawn += 1;
      i += 1;
      continue;
    }
    const pixel = Math.floor(left);
    let next = firstAbove(lanes.starts, i + 1, to, startNs + (pixel + 1) / scale);
    // Only the last piece that begins in the pixel can reach far beyond it.
    const lastWide = next - 1 > i && (lanes.ends[next - 1] - lanes.starts[next - 1]) * scale >= 1;
    if (lastWide) next -= 1;
    const kind = dominantKind(lanes, i, next);
    if (runEnd !== pixel || runKind !== kind) {
      flush();
      runStart = pixel;
      runKind = kind;
    }
    runEnd = pixel + 1;
    i = next;
  }
  flush();
  return drawn;
}
