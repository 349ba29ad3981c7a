import { axisTicks, tickLabel } from '../timeline/view.js';
import { AXIS, canvasY, drawText, GUTTER, plotWindow, type Chosen, type Frame } from './timeline-frame.js';
import { drawArrivals, drawPath } from './timeline-lines.js';
import { drawPieces } from './timeline-pieces.js';

/** Pixels of an axis label. */
const TICK_WIDTH = 110;
const TRACK_NAME_LEFT = 88;

/** What a drawing took. */
export interface Painted {
  readonly rectangles: number;
  /** Of how many arrows in the densest row one was drawn. */
  readonly arrivalStride: number;
}

function drawAxis(frame: Frame): void {
  const { context, palette, view, width, height } = frame;
  const { widthPx } = plotWindow(frame);
  const { stepNs, ticks } = axisTicks(view, Math.max(widthPx / TICK_WIDTH, 1));
  context.fillStyle = palette.get('surface')!;
  context.fillRect(0, 0, width, AXIS);
  context.font = '11px system-ui, sans-serif';
  context.textBaseline = 'middle';
  context.textAlign = 'left';
  for (const ns of ticks) {
    const x = Math.round(GUTTER + ((ns - view.startNs) / (view.endNs - view.startNs)) * widthPx);
    context.fillStyle = palette.get('line')!;
    context.fillRect(x, 4, 1, AXIS - 4);
    context.fillStyle = palette.get('muted')!;
    const label = tickLabel(ns, stepNs, view.endNs);
    if (x + context.measureText(label).width + 6 < width) context.fillText(label, x + 4, AXIS / 2);
  }
  context.fillStyle = palette.get('line')!;
  context.fillRect(0, AXIS - 1, width, 1);
  context.fillRect(GUTTER - 1, AXIS, 1, height - AXIS);
}

/** Shades every second group, and draws a line at each round time. */
function drawBackground(frame: Frame): void {
  const { context, palette, view, width, height, model } = frame;
  context.fillStyle = palette.get('surface')!;
  context.fillRect(0, 0, width, height);
  context.fillStyle = palette.get('stripe')!;
  model.layout.groups.forEach(({ top, bottom }, index) => {
    const [from, to] = [canvasY(frame, top), canvasY(frame, bottom)];
    if (index % 2 === 1 && to > 0 && from < height) context.fillRect(0, from - 4, width, to - from + 4);
  });
  const { widthPx } = plotWindow(frame);
  context.fillStyle = palette.get('line')!;
  for (const ns of axisTicks(view, Math.max(widthPx / TICK_WIDTH, 1)).ticks)
    context.fillRect(Math.round(GUTTER + ((ns - view.startNs) / (view.endNs - view.startNs)) * widthPx), 0, 1, height);
}

function drawLabels(frame: Frame): void {
  const { context, palette, model, tracks, height } = frame;
  context.textBaseline = 'middle';
  context.textAlign = 'left';
  context.font = '600 12px system-ui, sans-serif';
  context.fillStyle = palette.get('ink')!;
  for (const { label, top, bottom } of model.layout.groups) {
    const [from, to] = [canvasY(frame, top), canvasY(frame, bottom)];
    if (to < AXIS || from > height) continue;
    // The label of a group that is half scrolled away stays in sight.
    context.fillText(label, 8, Math.min(Math.max(from, AXIS) + 11, to - 12), TRACK_NAME_LEFT - 12);
  }
  context.fillStyle = palette.get('muted')!;
  for (let track = tracks[0]; track < tracks[1]; track++) {
    const { top, markTop } = model.layout.rows[track];
    const name = model.head.tracks[track].name;
    drawText(context, name, TRACK_NAME_LEFT, canvasY(frame, (top + markTop) / 2), GUTTER - TRACK_NAME_LEFT - 6);
  }
}

function drawChosen(frame: Frame, { track, startNs, endNs }: Chosen): void {
  const { context, palette, view, model } = frame;
  const scale = plotWindow(frame).widthPx / (view.endNs - view.startNs);
  const { top, bottom } = model.layout.rows[track];
  context.strokeStyle = palette.get('focus')!;
  context.lineWidth = 2;
  const left = GUTTER + (startNs - view.startNs) * scale;
  context.strokeRect(left - 1, canvasY(frame, top) - 1, (endNs - startNs) * scale + 2, bottom - top + 2);
}

/** Draws the timeline. */
export function paint(frame: Frame): Painted {
  const { context, shown, width, height } = frame;
  drawBackground(frame);
  drawLabels(frame);
  context.save();
  context.beginPath();
  context.rect(GUTTER, AXIS, width - GUTTER, height - AXIS);
  context.clip();
  const rectangles = drawPieces(frame);
  const arrivalStride = shown.has('flows') ? drawArrivals(frame) : 1;
  if (shown.has('path')) drawPath(frame);
  if (frame.chosen !== null) drawChosen(frame, frame.chosen);
  context.restore();
  drawAxis(frame);
  return { rectangles, arrivalStride };
}
