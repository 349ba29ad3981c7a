import type { LayerBox, LayerPicture } from './picture.js';

/** A box as it is seen: along the axis of time, cut to the layer. Lengths are in the unit of the picture. */
export interface PlacedBox {
  readonly box: LayerBox;
  /** Row and box of the `LayerPicture`, by index. */
  readonly row: number;
  readonly index: number;
  readonly from: number;
  readonly to: number;
  /** 0 unless boxes of its row overlap: then as many as run at once share the row's height. */
  readonly lane: number;
  /** It began before the layer, or ends after it. */
  readonly opensLeft: boolean;
  readonly opensRight: boolean;
}

/** Maps a time of the layer (ns) to a place in the picture. */
export type Scale = (ns: number) => number;

/** @returns the layer's length, ns: at least 1, that an empty layer can be drawn too. */
export function layerSpan({ startNs, endNs }: LayerPicture): number {
  return Math.max(1, endNs - startNs);
}

/** A layer that is drawn smaller than this share of another's has a scale of its own. */
const LEAST_SHARE = 0.3;

/** @returns how much of its room a layer takes so that the longest of several, which takes all, has the same scale. */
export function shareOfRoom(picture: LayerPicture, others: readonly LayerPicture[]): number {
  const share = layerSpan(picture) / Math.max(...[picture, ...others].map(layerSpan));
  return share < LEAST_SHARE ? 1 : share;
}

/** @returns a scale that lays a layer over `length` from `origin`; times outside are cut to its ends. */
export function scaleOf(picture: LayerPicture, origin: number, length: number): Scale {
  const span = layerSpan(picture);
  return (ns) => origin + (Math.min(span, Math.max(0, ns - picture.startNs)) / span) * length;
}

/** @returns the boxes of a row that the layer shows, in order of start. */
export function placeRow(picture: LayerPicture, row: number, scale: Scale): PlacedBox[] {
  const { startNs, endNs } = picture;
  const laneEnds: number[] = [];
  return picture.rows[row].boxes
    .map((box, index) => ({ box, index }))
    .filter(({ box }) => box.endNs >= box.startNs && box.startNs < endNs)
    .filter(({ box }) => box.endNs > startNs || box.startNs >= startNs)
    .sort((a, b) => a.box.startNs - b.box.startNs || a.index - b.index)
    .map(({ box, index }) => {
      const free = laneEnds.findIndex((end) => end <= box.startNs);
      const lane = free < 0 ? laneEnds.length : free;
      laneEnds[lane] = box.endNs;
      return {
        ...{ box, row, index, lane, from: scale(box.startNs), to: scale(box.endNs) },
        ...{ opensLeft: box.startNs < startNs, opensRight: box.endNs > endNs },
      };
    });
}

/** @returns how many boxes of a row run at once, at least 1. */
export function laneCount(boxes: readonly PlacedBox[]): number {
  return boxes.reduce((most, { lane }) => Math.max(most, lane + 1), 1);
}

/** @returns what a row is called: `computation · 112 SMs`, `background RDMA`. */
export function rowLabel({ kind, sms }: LayerPicture['rows'][number]): readonly string[] {
  if (kind === 'network') return ['network', 'background RDMA'];
  return sms === null ? [kind] : [kind, `${sms} SMs`];
}
