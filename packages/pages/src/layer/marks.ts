import { BAND, boxExtent, FLAG_LINE, trackY, type Frame, type FramedRow } from './frame.js';
import { numberIn, type Line } from './labels.js';
import { PAINT, text } from './paint.js';
import type { PlacedBox } from './place.js';
import type { LayerPicture } from './picture.js';
import { microseconds } from './scale.js';
import { arrowPaths, boxPath, figure, hatchPath } from './shapes.js';
import { escapeMarkup } from '../plain-text.js';

/** What is narrower than this could not be seen, px. */
const LEAST_WIDTH = 1.5;
/** Exposed stretches narrower than this are not drawn: gaps between two kernels, which would look like more, px. */
const LEAST_EXPOSED = 0.75;
/** @returns what is said of a box where it is pointed at: name, start in the layer, duration, what of it is exposed. */
function titleOf({ startNs }: LayerPicture, { box }: PlacedBox): string {
  const exposedNs = box.exposed.reduce((sum, stretch) => sum + stretch.endNs - stretch.startNs, 0);
  const exposed = exposedNs > 0 ? `, ${microseconds(exposedNs)} exposed` : '';
  return `${box.phase}: starts at ${microseconds(box.startNs - startNs)}, takes ${microseconds(box.endNs - box.startNs)}${exposed}`;
}

/** A box with its name. */
export function boxMarkup(picture: LayerPicture, frame: Frame, row: FramedRow, placed: PlacedBox): string {
  const [top, bottom] = boxExtent(row, placed);
  const width = Math.max(LEAST_WIDTH, placed.to - placed.from);
  const { kind, tone } = placed.box;
  // A wait only waits: it is hollow. Other boxes have an edge of the background's colour, which parts neighbours.
  const paint =
    kind === 'wait'
      ? `fill="${PAINT.surface}" stroke="${PAINT[tone]}" stroke-width="1.5"`
      : `fill="${PAINT[tone]}" stroke="${PAINT.surface}" stroke-width="${width < 4 ? 0 : 1}"`;
  const path = boxPath(placed, placed.from, top, width, bottom - top);
  const number = frame.numbered.indexOf(placed) + 1;
  const lines: readonly Line[] =
    number > 0 ? [numberIn(placed, number) ?? []].flat() : (row.labels.inside.get(placed.index) ?? []);
  const first = (top + bottom) / 2 + (lines.length > 1 ? -2 : 4);
  const ink = `fill="${kind === 'wait' ? PAINT.ink : PAINT.onBox}" text-anchor="middle"`;
  const names = lines.map(({ text: content, size, isBold }, index) => {
    const weight = isBold ? ' font-weight="600"' : '';
    return text((placed.from + placed.to) / 2, first + index * 14, content, ink + weight, size);
  });
  return (
    `<g class="box" data-tone="${tone}"><title>${escapeMarkup(titleOf(picture, placed))}</title>` +
    `<path d="${path}" ${paint}/>${names.join('')}</g>`
  );
}

/** The hatched bands under a box; empty where none is wide enough to be seen. */
export function bandMarkup({ scale }: Frame, row: FramedRow, placed: PlacedBox): string {
  const y = boxExtent(row, placed)[1] + 1;
  return placed.box.exposed
    .map(({ startNs, endNs }) => [scale(startNs), scale(endNs)] as const)
    .filter(([from, to]) => to - from >= LEAST_EXPOSED)
    .map(([from, to]) => {
      const width = Math.max(LEAST_WIDTH, to - from);
      const at = `x="${figure(from)}" y="${figure(y)}" width="${figure(width)}" height="${BAND}"`;
      return (
        `<rect class="exposed" ${at} fill="${PAINT.exposed}" fill-opacity="0.22"/>` +
        `<path d="${hatchPath(from, y, width, BAND)}" stroke="${PAINT.exposed}" stroke-width="1.4" fill="none"/>`
      );
    })
    .join('');
}

/** The labels of a row's boxes that stand outside them. */
export function flagsMarkup({ numbered }: Frame, row: FramedRow): string {
  return row.labels.flags
    .map(({ placed, text: words, x, toLeft, level, isNumber }) => {
      const number = numbered.indexOf(placed) + 1;
      // What is wide enough after all has its number within.
      if (isNumber && numberIn(placed, number) !== undefined) return '';
      const content = isNumber ? String(number) : words;
      const [top, bottom] = boxExtent(row, placed);
      const foot = bottom + (placed.box.exposed.length > 0 ? BAND + 2 : 0);
      const base = row.flagsAbove ? row.top - 6 - level * FLAG_LINE : row.bottom + BAND + 12 + level * FLAG_LINE;
      const leader = row.flagsAbove ? [top, base - 8] : [foot, base];
      return (
        `<path d="M${figure(x)} ${figure(leader[0])}V${figure(leader[1])}" stroke="${PAINT.muted}" stroke-width="0.8"/>` +
        text(x + (toLeft ? -3 : 3), base, content, `fill="${PAINT.ink}" text-anchor="${toLeft ? 'end' : 'start'}"`)
      );
    })
    .join('');
}

/** The arrows. */
export function gatesMarkup(frame: Frame): string {
  return frame.routes
    .map((route) => {
      const { source, target, leaves, arrives, gate } = route;
      const [from, to] = [frame.rows[gate.from.row], frame.rows[gate.to.row]];
      const isAbove = gate.from.row <= route.channel;
      const leavesAt = isAbove ? boxExtent(from, source)[1] : boxExtent(from, source)[0];
      const arrivesAt = gate.to.row <= route.channel ? boxExtent(to, target)[1] : boxExtent(to, target)[0];
      const { line, head } = arrowPaths([leaves, leavesAt], [arrives, arrivesAt], trackY(frame, route));
      const stroke = `fill="none" stroke="${PAINT.muted}" stroke-width="1.2"`;
      return `<g class="gate"><path d="${line}" ${stroke}/><path d="${head}" fill="${PAINT.muted}"/></g>`;
    })
    .join('');
}
