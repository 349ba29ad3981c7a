import { firstAbove, type Lanes } from '../timeline/lanes.js';
import { pathLine } from '../timeline/path-line.js';
import { canvasY, GUTTER, middleOf, plotWindow, type Frame } from './timeline-frame.js';

/** Arrows drawn at most; of more, every second, fourth, eighth… of a row is. */
const MOST_ARROWS = 400;
const HEAD = 5;
/** Stretches of the critical path that are shorter than this on the average would make a blot, pixels. */
const DENSE_SPACING = 12;
/** How much of what it crosses a change of rows covers where there are many. */
const THIN_ALPHA = 0.35;

function strokeArrow(context: CanvasRenderingContext2D, fromX: number, fromY: number, toX: number, toY: number): void {
  context.moveTo(fromX, fromY);
  context.lineTo(toX, toY);
  const angle = Math.atan2(toY - fromY, toX - fromX);
  for (const side of [-0.45, 0.45]) {
    context.moveTo(toX, toY);
    context.lineTo(toX - HEAD * Math.cos(angle + side), toY - HEAD * Math.sin(angle + side));
  }
}

/** Draws arrows from last arrivals that begin or end in sight. @returns of how many one was drawn. */
export function drawArrivals(frame: Frame): number {
  const { context, model, palette, tracks, view } = frame;
  const { columns, layout } = model;
  const { widthPx, startNs } = plotWindow(frame);
  const scale = widthPx / (view.endNs - view.startNs);
  const budget = Math.max(MOST_ARROWS / (tracks[1] - tracks[0]), 1);
  const inSight = (track: number): boolean => track >= tracks[0] && track < tracks[1];
  const yOf = (track: number): number => canvasY(frame, middleOf(layout.rows[track]));
  let sparsest = 1;
  const drawTrack = (lanes: Lanes, track: number, skip: (row: number) => boolean): void => {
    const [begin, end] = [lanes.offsets[track], lanes.offsets[track + 1]];
    const from = firstAbove(lanes.maxEnds, begin, end, view.startNs);
    const to = firstAbove(lanes.starts, from, end, view.endNs);
    // A power of two, and counted from the lane's begin: what is drawn stays the same while the view moves.
    const stride = 2 ** Math.max(Math.ceil(Math.log2((to - from) / budget)), 0);
    sparsest = Math.max(sparsest, stride);
    for (let i = begin + Math.ceil((from - begin) / stride) * stride; i < to; i += stride) {
      const row = lanes.items[i];
      if (skip(row)) continue;
      const [fromX, toX] = [columns['flows.fromNs'][row], columns['flows.toNs'][row]].map(
        (ns) => GUTTER + (ns - startNs) * scale,
      );
      strokeArrow(context, fromX, yOf(columns['flows.fromTrack'][row]), toX, yOf(columns['flows.toTrack'][row]));
    }
  };
  context.beginPath();
  for (let track = tracks[0]; track < tracks[1]; track++) {
    drawTrack(model.sent, track, () => false);
    drawTrack(model.received, track, (row) => inSight(columns['flows.fromTrack'][row]));
  }
  context.strokeStyle = palette.get('muted')!;
  context.lineWidth = 1;
  context.stroke();
  return sparsest;
}

/**
 * Draws the critical path as a bold line with a rim that parts it from what it crosses. Where it changes rows more
 * often than can be seen, the changes are hairs that the timeline shows through.
 */
export function drawPath(frame: Frame): void {
  const { context, model, palette } = frame;
  const { stretches, thinned } = pathLine(model.path, plotWindow(frame));
  const dense = thinned || stretches.length * DENSE_SPACING > plotWindow(frame).widthPx;
  // Along the lower edge, where there is no text.
  const yOf = (track: number): number => canvasY(frame, model.layout.rows[track].markTop) - 2;
  context.lineJoin = 'round';
  context.beginPath();
  stretches.forEach(({ track, fromX, toX }) => {
    if (dense) context.moveTo(GUTTER + fromX, yOf(track));
    else context.lineTo(GUTTER + fromX, yOf(track));
    context.lineTo(GUTTER + toX, yOf(track));
  });
  if (!dense) {
    context.strokeStyle = palette.get('surface')!;
    context.lineWidth = 5;
    context.stroke();
  }
  context.strokeStyle = palette.get('path')!;
  context.lineWidth = dense ? 2 : 2.5;
  context.stroke();
  if (!dense) return;
  context.beginPath();
  for (let i = 1; i < stretches.length; i++) {
    context.moveTo(GUTTER + stretches[i - 1].toX, yOf(stretches[i - 1].track));
    context.lineTo(GUTTER + stretches[i].fromX, yOf(stretches[i].track));
  }
  context.globalAlpha = THIN_ALPHA;
  context.lineWidth = 1;
  context.stroke();
  context.globalAlpha = 1;
}
