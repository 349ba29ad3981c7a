import type { RowPlace } from '../timeline/layout.js';
import type { Window } from '../timeline/level-of-detail.js';
import type { View } from '../timeline/view.js';
import type { Palette } from './theme.js';
import type { TimelineModel } from './timeline-model.js';

/** Pixels left of the plot, for labels. */
export const GUTTER = 168;
/** Pixels above the rows, for the axis. */
export const AXIS = 26;

/** What can be switched off and on. */
export type Layer = 'flows' | 'path' | 'exposed';

/** A stretch of a track, ns. */
export interface Chosen extends View {
  readonly track: number;
}

/** What one drawing of the timeline shows. */
export interface Frame {
  readonly model: TimelineModel;
  readonly context: CanvasRenderingContext2D;
  readonly palette: Palette;
  readonly view: View;
  /** Pixels that the rows are scrolled by. */
  readonly scrollTop: number;
  /** Of the canvas, pixels. */
  readonly width: number;
  readonly height: number;
  readonly shown: ReadonlySet<Layer>;
  /** Piece with a frame around it. */
  readonly chosen: Chosen | null;
  /** Tracks in sight: from, and to before. */
  readonly tracks: readonly [number, number];
}

/** @returns the plot's stretch of time and its width. */
export function plotWindow({ view, width }: Pick<Frame, 'view' | 'width'>): Window {
  return { ...view, widthPx: width - GUTTER };
}

/** @returns the canvas's y of rows' y. */
export function canvasY({ scrollTop }: Pick<Frame, 'scrollTop'>, y: number): number {
  return Math.round(AXIS + y - scrollTop);
}

/** @returns rows' y of the middle of a row's kernels, or of its phases where it has none. */
export function middleOf({ kernelTop, kernelHeight, phaseTop, phaseHeight }: RowPlace): number {
  return kernelHeight > 0 ? kernelTop + kernelHeight / 2 : phaseTop + phaseHeight / 2;
}

const widths = new Map<string, number>();

/** Writes as much of a text as there is room for; all such texts have one font. */
export function drawText(context: CanvasRenderingContext2D, text: string, x: number, y: number, room: number): void {
  context.font = '11px system-ui, sans-serif';
  let width = widths.get(text);
  if (width === undefined) {
    width = context.measureText(text).width;
    widths.set(text, width);
  }
  const letters = width <= room ? text.length : Math.floor((room / width) * text.length) - 1;
  if (letters >= text.length) context.fillText(text, x, y);
  else if (letters >= 3) context.fillText(`${text.slice(0, letters)}…`, x, y);
}
