import { firstAbove, pieceAt, type Lanes } from '../timeline/lanes.js';
import type { View } from '../timeline/view.js';
import { kernelHit, phaseHit, type Hit } from './timeline-hit.js';
import type { TimelineModel } from './timeline-model.js';

/** A slice that keys have led to: a track, and a piece of its lane. */
export interface Selected {
  readonly track: number;
  readonly piece: number;
  /** Where stepping from row to row looks, ns: it stays while rows change, lest there and back lead elsewhere. */
  readonly atNs: number;
}

/** @returns what keys step through on a track: its kernels, or its phases where it has none. */
function lanesOf({ kernels, phases }: TimelineModel, track: number): Lanes {
  return kernels.offsets[track + 1] > kernels.offsets[track] ? kernels : phases;
}

/** @returns what is told of a slice. */
export function selectedHit(model: TimelineModel, { track, piece }: Omit<Selected, 'atNs'>): Hit {
  const lanes = lanesOf(model, track);
  return lanes === model.kernels ? kernelHit(model, track, piece) : phaseHit(model, track, piece);
}

/** @returns the same in a sentence, for those who hear it. */
export function hitSentence({ title, facts }: Hit): string {
  const said = facts.map(
    ([label, value]) => (label === 'Start' || label === 'Duration' ? `${label.toLowerCase()} ` : '') + value,
  );
  return `${title}: ${said.join(', ')}`;
}

/** @returns the slice of a track at a time, or else the first that ends after it, or the last; undefined for none. */
function sliceNear(model: TimelineModel, track: number, ns: number): Selected | undefined {
  const lanes = lanesOf(model, track);
  const [from, to] = [lanes.offsets[track], lanes.offsets[track + 1]];
  if (from === to) return undefined;
  const at = pieceAt(lanes, track, ns, 0);
  return { track, piece: at >= 0 ? at : Math.min(firstAbove(lanes.maxEnds, from, to, ns), to - 1), atNs: ns };
}

/** @returns the next slice (`step` 1) or the previous one (−1) on its row; the same at the row's end. */
export function stepOnRow(model: TimelineModel, { track, piece }: Selected, step: number): Selected {
  const { offsets } = lanesOf(model, track);
  const next = { track, piece: Math.min(Math.max(piece + step, offsets[track]), offsets[track + 1] - 1) };
  const { startNs, endNs } = selectedHit(model, next);
  return { ...next, atNs: (startNs + endNs) / 2 };
}

/** @returns the slice at the same time on the next row that has any (`step` 1), or on the one before it (−1). */
export function stepRow(model: TimelineModel, selected: Selected, step: number): Selected {
  return firstFrom(model, selected.track + step, step, selected.atNs) ?? selected;
}

function firstFrom(model: TimelineModel, track: number, step: number, ns: number): Selected | undefined {
  for (let at = track; at >= 0 && at < model.head.tracks.length; at += step) {
    const found = sliceNear(model, at, ns);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** @returns where stepping begins: the first slice in view on the first row in sight. */
export function firstSlice(model: TimelineModel, { startNs }: View, track: number): Selected | undefined {
  return firstFrom(model, track, 1, startNs) ?? firstFrom(model, track, -1, startNs);
}
