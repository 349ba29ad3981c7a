import { SLICE_CLASSES } from '../page-data.js';
import { trackBelow } from '../timeline/layout.js';
import { pieceAt, type Lanes } from '../timeline/lanes.js';
import type { View } from '../timeline/view.js';
import { formatNs, formatPoint } from '../units.js';
import { AXIS, GUTTER } from './timeline-frame.js';
import type { TimelineModel } from './timeline-model.js';

/** How far from a piece the pointer may be, pixels. */
const TOLERANCE = 2;

/** The piece under the pointer. */
export interface Hit {
  readonly startNs: number;
  readonly endNs: number;
  readonly title: string;
  /** What is told of it, by label. */
  readonly facts: readonly (readonly [string, string])[];
}

function place({ head }: TimelineModel, track: number): (readonly [string, string])[] {
  const { group, name } = head.tracks[track];
  return [
    ['Rank', group],
    ['Row', name],
  ];
}

function times(startNs: number, endNs: number): (readonly [string, string])[] {
  return [
    ['Start', formatPoint(startNs)],
    ['Duration', formatNs(endNs - startNs)],
  ];
}

/** @returns what is told of an exposed piece, by its row of the columns. */
function exposedHit(model: TimelineModel, row: number): Hit {
  const { columns, head } = model;
  const [startNs, endNs] = [columns['exposed.startNs'][row], columns['exposed.endNs'][row]];
  const phase = head.names[columns['exposed.phase'][row]] ?? '';
  const facts = [...(phase === '' ? [] : [['Phase', phase] as const]), ...place(model, columns['exposed.track'][row])];
  return { startNs, endNs, title: 'Exposed communication', facts: [...facts, ...times(startNs, endNs)] };
}

/** @returns the same in a sentence. */
export function exposedSentence({ columns, head }: TimelineModel, row: number): string {
  const [startNs, endNs] = [columns['exposed.startNs'][row], columns['exposed.endNs'][row]];
  const { group, name } = head.tracks[columns['exposed.track'][row]];
  const phase = head.names[columns['exposed.phase'][row]];
  const of = phase === undefined ? '' : ` of ${phase}`;
  return `${formatNs(endNs - startNs)}${of} on ${group}, ${name}, at ${formatPoint(startNs)}`;
}

/** @returns what is told of a kernel, by its piece in the lanes of kernels. */
export function kernelHit(model: TimelineModel, track: number, piece: number): Hit {
  const { columns, head, kernels } = model;
  const [row, startNs, endNs] = [kernels.items[piece], kernels.starts[piece], kernels.ends[piece]];
  const phase = head.names[columns['kernels.phase'][row]];
  const facts = [
    ['Class', SLICE_CLASSES[columns['kernels.class'][row]]] as const,
    ...(phase === undefined ? [] : [['Phase', phase] as const]),
    ...place(model, track),
    ...times(startNs, endNs),
  ];
  return { startNs, endNs, title: head.names[columns['kernels.name'][row]], facts };
}

/** @returns what is told of a phase, by its piece in the lanes of phases. */
export function phaseHit(model: TimelineModel, track: number, piece: number): Hit {
  const { columns, head, phases } = model;
  const [startNs, endNs] = [phases.starts[piece], phases.ends[piece]];
  const title = head.names[columns['phases.name'][phases.items[piece]]];
  return { startNs, endNs, title, facts: [['Kind', 'phase'], ...place(model, track), ...times(startNs, endNs)] };
}

/** @returns the piece at a point of the canvas; null for none. */
export function hitAt(
  model: TimelineModel,
  view: View,
  scrollTop: number,
  width: number,
  x: number,
  y: number,
): Hit | null {
  if (x < GUTTER || y < AXIS) return null;
  const nsPerPixel = (view.endNs - view.startNs) / (width - GUTTER);
  const ns = view.startNs + (x - GUTTER) * nsPerPixel;
  const rowsY = y - AXIS + scrollTop;
  const track = trackBelow(model.layout, rowsY);
  const row = model.layout.rows[track];
  if (row === undefined || rowsY < row.top) return null;
  const find = (lanes: Lanes): number => pieceAt(lanes, track, ns, TOLERANCE * nsPerPixel);
  if (rowsY >= row.markTop) {
    const exposed = find(model.exposed);
    if (exposed >= 0) return exposedHit(model, model.exposed.items[exposed]);
  }
  const { kernels, phases } = model;
  if (rowsY >= row.kernelTop && row.kernelHeight > 0) {
    const piece = find(kernels);
    return piece < 0 ? null : kernelHit(model, track, piece);
  }
  const piece = find(phases);
  return piece < 0 ? null : phaseHit(model, track, piece);
}
