import { toneOf } from '../layer/picture.js';
import { SLICE_CLASSES } from '../page-data.js';
import { decodeColumns, type TimelineColumns, type TimelineHead } from '../timeline/codec.js';
import { buildLanes, type Lanes } from '../timeline/lanes.js';
import { layOut, type Layout } from '../timeline/layout.js';
import type { PathColumns } from '../timeline/path-line.js';
import { byId, readData } from './elements.js';

/** Colours of phases in the order of their lanes' kinds. */
export const TONES = ['orange', 'green', 'violet', 'neutral'] as const;

/** Everything that the timeline draws, ready for bisection. */
export interface TimelineModel {
  readonly head: TimelineHead;
  readonly columns: TimelineColumns;
  readonly layout: Layout;
  readonly kernels: Lanes;
  readonly phases: Lanes;
  readonly exposed: Lanes;
  /** Arrows from last arrivals, by the track that they begin on and by the one that they end on. */
  readonly sent: Lanes;
  readonly received: Lanes;
  readonly path: PathColumns;
  /** Rows of the exposed columns, longest first. */
  readonly longestExposed: readonly number[];
}

async function unpack(base64: string): Promise<Uint8Array> {
  const packed = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream('gzip'));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

function sums(starts: Float64Array, durations: Float64Array): Float64Array {
  return starts.map((start, i) => start + durations[i]);
}

function makeModel(head: TimelineHead, columns: TimelineColumns): TimelineModel {
  const { tracks, names } = head;
  const lanes = (track: Float64Array, startNs: Float64Array, endNs: Float64Array): Lanes =>
    buildLanes(tracks.length, { track, startNs, endNs }, () => 0, 1);
  const tones = names.map((name) => TONES.indexOf(toneOf(name)));
  const kernels = buildLanes(
    tracks.length,
    {
      track: columns['kernels.track'],
      startNs: columns['kernels.startNs'],
      endNs: sums(columns['kernels.startNs'], columns['kernels.durationNs']),
    },
    (row) => columns['kernels.class'][row],
    SLICE_CLASSES.length,
  );
  const phases = buildLanes(
    tracks.length,
    {
      track: columns['phases.track'],
      startNs: columns['phases.startNs'],
      endNs: sums(columns['phases.startNs'], columns['phases.durationNs']),
    },
    (row) => tones[columns['phases.name'][row]],
    TONES.length,
  );
  const has =
    ({ offsets }: Lanes) =>
    (track: number): boolean =>
      offsets[track + 1] > offsets[track];
  const [exposedStart, exposedEnd] = [columns['exposed.startNs'], columns['exposed.endNs']];
  const length = (row: number): number => exposedEnd[row] - exposedStart[row];
  return {
    head,
    columns,
    layout: layOut(tracks, has(phases), has(kernels)),
    kernels,
    phases,
    exposed: lanes(columns['exposed.track'], exposedStart, exposedEnd),
    sent: lanes(columns['flows.fromTrack'], columns['flows.fromNs'], columns['flows.toNs']),
    received: lanes(columns['flows.toTrack'], columns['flows.fromNs'], columns['flows.toNs']),
    path: { track: columns['path.track'], startNs: columns['path.startNs'], endNs: columns['path.endNs'] },
    longestExposed: Array.from(exposedStart.keys()).sort((a, b) => length(b) - length(a) || a - b),
  };
}

/** @returns the page's timeline; null where it has none. */
export async function loadTimeline(): Promise<TimelineModel | null> {
  const head = readData('timeline-head') as TimelineHead | null;
  if (head === null) return null;
  const columns = await unpack(byId('timeline-columns', HTMLElement).textContent);
  return makeModel(head, decodeColumns(columns));
}
