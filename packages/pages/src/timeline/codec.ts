import type { TimelineData } from '../page-data.js';
import { VarintWriter } from './varint-writer.js';

/** The timeline's columns of integers by name, as the page's script reads them. */
export type TimelineColumns = Record<(typeof COLUMN_NAMES)[number], Float64Array>;

/** What of the timeline is embedded as JSON beside the columns. */
export interface TimelineHead extends Pick<TimelineData, 'endNs' | 'tracks' | 'names'> {
  /** By name: what is written in a slice, a kernel's name without what stands around the function's. */
  readonly labels: readonly string[];
}

/** In the order in which they stand in the embedded bytes. */
const COLUMN_NAMES = [
  'kernels.track',
  'kernels.startNs',
  'kernels.durationNs',
  'kernels.name',
  'kernels.class',
  'kernels.phase',
  'phases.track',
  'phases.startNs',
  'phases.durationNs',
  'phases.name',
  'flows.fromTrack',
  'flows.fromNs',
  'flows.toTrack',
  'flows.toNs',
  'path.track',
  'path.startNs',
  'path.endNs',
  'exposed.track',
  'exposed.startNs',
  'exposed.endNs',
  'exposed.phase',
] as const;

/** Small differences of either sign become small numbers. */
function zigzag(difference: number): number {
  return difference < 0 ? -difference * 2 - 1 : difference * 2;
}

/**
 * @returns the timeline's columns, each as its length and the differences of neighbours in as few bytes as they need:
 * before compression a third of 32-bit integers, and times longer than 2³¹ ns fit.
 */
export function encodeColumns(timeline: TimelineData): Uint8Array {
  const bytes = new VarintWriter();
  for (const name of COLUMN_NAMES) {
    const [part, key] = name.split('.') as ['kernels', 'track'];
    const column = timeline[part][key];
    bytes.put(column.length);
    let last = 0;
    for (const value of column) {
      if (!Number.isSafeInteger(value)) throw new RangeError(`timeline column ${name} holds ${value}, not an integer`);
      bytes.put(zigzag(value - last));
      last = value;
    }
  }
  return bytes.written;
}

/** @returns the columns that {@link encodeColumns} wrote. */
export function decodeColumns(bytes: Uint8Array): TimelineColumns {
  let at = 0;
  const readVarint = (): number => {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = bytes[at++];
      value += (byte & 127) * scale;
      if (byte < 128) return value;
    }
  };
  const readColumn = (): Float64Array => {
    const column = new Float64Array(readVarint());
    let last = 0;
    for (let i = 0; i < column.length; i++) {
      const value = readVarint();
      last += value % 2 === 1 ? -(value + 1) / 2 : value / 2;
      column[i] = last;
    }
    return column;
  };
  return Object.fromEntries(COLUMN_NAMES.map((name) => [name, readColumn()])) as TimelineColumns;
}
