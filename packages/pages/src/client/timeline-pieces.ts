import { MARK_HEIGHT } from '../timeline/layout.js';
import type { Lanes } from '../timeline/lanes.js';
import { drawLane } from '../timeline/level-of-detail.js';
import { canvasY, drawText, GUTTER, plotWindow, type Frame } from './timeline-frame.js';
import { TONES } from './timeline-model.js';

/** Pieces narrower than this carry no text, pixels. */
const LABELLED_WIDTH = 34;
const CLASS_COLOURS = ['compute', 'communication', 'memory'] as const;

interface Strip {
  readonly top: number;
  readonly height: number;
  readonly colours: readonly string[];
  /** By row of the columns, index of its name; null for none. */
  readonly names: Float64Array | null;
}

/** @returns rectangles drawn. */
function drawStrip(frame: Frame, lanes: Lanes, track: number, strip: Strip): number {
  const { context, palette, model } = frame;
  const y = canvasY(frame, strip.top);
  const byKind: number[][] = strip.colours.map(() => []);
  const labelled: [number, number, number][] = [];
  const drawn = drawLane(lanes, track, plotWindow(frame), (x, width, kind, piece) => {
    const left = Math.round(x);
    const wide = Math.max(Math.round(x + width) - left, 1);
    // A line of background parts pieces that touch.
    byKind[kind].push(left, wide > 3 ? wide - 1 : wide);
    if (piece >= 0 && width > LABELLED_WIDTH) labelled.push([left, wide, piece]);
  });
  byKind.forEach((rectangles, kind) => {
    context.fillStyle = palette.get(strip.colours[kind])!;
    for (let i = 0; i < rectangles.length; i += 2)
      context.fillRect(GUTTER + rectangles[i], y, rectangles[i + 1], strip.height);
  });
  if (strip.names === null) return drawn;
  context.fillStyle = palette.get('ink')!;
  for (const [x, width, piece] of labelled) {
    const name = model.head.labels[strip.names[lanes.items[piece]]];
    drawText(context, name, GUTTER + Math.max(x, 0) + 4, y + strip.height / 2 + 0.5, width - 8);
  }
  return drawn;
}

/** Draws phases, kernels and exposed marks of the tracks in sight. @returns rectangles drawn. */
export function drawPieces(frame: Frame): number {
  const { context, model, tracks, shown } = frame;
  const { columns, layout } = model;
  context.textAlign = 'left';
  context.textBaseline = 'middle';
  let drawn = 0;
  for (let track = tracks[0]; track < tracks[1]; track++) {
    const row = layout.rows[track];
    drawn += drawStrip(frame, model.phases, track, {
      top: row.phaseTop,
      // A line of background parts phases from what runs in them.
      height: row.kernelHeight > 0 ? row.phaseHeight - 1 : row.phaseHeight,
      colours: TONES,
      names: columns['phases.name'],
    });
    drawn += drawStrip(frame, model.kernels, track, {
      top: row.kernelTop,
      height: row.kernelHeight,
      colours: CLASS_COLOURS,
      names: columns['kernels.name'],
    });
    if (!shown.has('exposed')) continue;
    drawn += drawStrip(frame, model.exposed, track, {
      top: row.markTop,
      height: MARK_HEIGHT,
      colours: ['exposed'],
      names: null,
    });
  }
  return drawn;
}
