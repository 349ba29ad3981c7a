import { routeGates, trackCount, type Route } from './gates.js';
import { labelRow, type RowLabels } from './labels.js';
import { laneCount, placeRow, scaleOf, type PlacedBox, type Scale } from './place.js';
import type { LayerPicture } from './picture.js';

/** Extents of the picture, px: its width, and where the axis of time begins and ends. */
export const WIDTH = 1120;
export const PLOT = { left: 116, right: WIDTH - 30 } as const;
/** Height of the band under a box that marks exposed stretches, and of a label's line outside a row, px. */
export const BAND = 6;
export const FLAG_LINE = 14;
const HEADER = 46;
const BOX_HEIGHT = 42;
const LANE_HEIGHT = 22;
const TRACK = 8;

/** A row as it is drawn; y and heights in px. */
export interface FramedRow {
  readonly boxes: readonly PlacedBox[];
  readonly labels: RowLabels;
  /** Top and bottom of its boxes. */
  readonly top: number;
  readonly bottom: number;
  readonly laneHeight: number;
  /** Labels outside stand above the row or under it. */
  readonly flagsAbove: boolean;
}

/** Where everything of a picture stands. */
export interface Frame {
  readonly scale: Scale;
  /** Where the axis of time ends: before the plot does in a picture that shares its scale with a longer one. */
  readonly plotRight: number;
  readonly rows: readonly FramedRow[];
  readonly routes: readonly Route[];
  /** y of a channel's first track, by channel. */
  readonly trackTops: readonly number[];
  /** Boxes named in the legend; the first is number 1. */
  readonly numbered: readonly PlacedBox[];
  readonly axisTop: number;
  readonly axisBottom: number;
}

/** @returns y of a route's track; null where it runs straight. */
export function trackY({ trackTops }: Frame, { channel, track }: Route): number | null {
  return track === null ? null : trackTops[channel] + track * TRACK;
}

/** @returns top and bottom of a box; bars take the lower half of their row. */
export function boxExtent({ top, laneHeight }: FramedRow, { box, lane }: PlacedBox): readonly [number, number] {
  const from = top + lane * (laneHeight + 2);
  return [box.kind === 'phase' ? from : from + laneHeight / 2, from + laneHeight];
}

/** Height between two rows: for the tracks, and for the heads of arrows. */
function channelHeight(routes: readonly Route[], channel: number): number {
  if (!routes.some((route) => route.channel === channel)) return 14;
  return 30 + Math.max(0, trackCount(routes, channel) - 1) * TRACK;
}

/** Lays a picture out from top to bottom. @param share of the plot's width that its axis of time takes. */
export function frameOf(picture: LayerPicture, share = 1): Frame {
  const plotRight = PLOT.left + (PLOT.right - PLOT.left) * share;
  const scale = scaleOf(picture, PLOT.left, plotRight - PLOT.left);
  const placed = picture.rows.map((_, row) => placeRow(picture, row, scale));
  const routes = routeGates(picture, placed, scale);
  const last = placed.length - 1;
  const trackTops: number[] = [];
  const rows: FramedRow[] = [];
  let y = HEADER;
  placed.forEach((boxes, row) => {
    const flagsAbove = row === 0;
    const lanes = laneCount(boxes);
    // Between two rows there are arrows: labels stand above the first row and below the last.
    const outside = flagsAbove || row === last ? { left: PLOT.left, right: WIDTH } : null;
    const labels = labelRow(boxes, outside, lanes > 1);
    const flagHeight = labels.flags.reduce((most, { level }) => Math.max(most, level + 1), 0) * FLAG_LINE;
    const top = y + (flagsAbove ? flagHeight : 0) + 6;
    const laneHeight = lanes > 1 ? LANE_HEIGHT : BOX_HEIGHT;
    const bottom = top + lanes * (laneHeight + 2) - 2;
    rows.push({ boxes, labels, top, bottom, laneHeight, flagsAbove });
    const isExposed = boxes.some(({ box }) => box.exposed.length > 0);
    y = bottom + (isExposed ? BAND + 2 : 0);
    if (row < last || row === 0) {
      trackTops.push(y + 10);
      y += channelHeight(routes, row);
    } else {
      y += flagHeight + 8;
    }
  });
  const numbered = rows.flatMap(({ labels }) => labels.numbered);
  return { scale, plotRight, rows, routes, trackTops, numbered, axisTop: HEADER, axisBottom: y };
}
