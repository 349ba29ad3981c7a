import type { PlacedBox } from './place.js';

/** Numbers in the SVG have tenths of a px: enough for the eye, and the same text on any machine. */
export const figure = (value: number): string => String(Math.round(value * 10) / 10);
const point = (x: number, y: number): string => `${figure(x)} ${figure(y)}`;
const CORNER = 4;
const TOOTH = 4;
const ARROW = { length: 6, half: 3.2 } as const;

/** @returns the outline of a box, torn where it goes on outside the layer. */
export function boxPath({ opensLeft, opensRight }: PlacedBox, x: number, y: number, w: number, h: number): string {
  const teeth = (edge: number, inward: number, fromY: number, step: number): string =>
    Array.from({ length: 4 }, (_, index) => {
      const out = point(edge, fromY + step * (index + 1));
      return `L${point(edge + inward, fromY + step * (index + 0.5))}L${out}`;
    }).join('');
  const depth = Math.min(TOOTH, w / 2);
  const right = opensRight ? teeth(x + w, -depth, y, h / 4) : `V${figure(y + h)}`;
  const left = opensLeft ? teeth(x, depth, y + h, -h / 4) : '';
  return `M${point(x, y)}H${figure(x + w)}${right}H${figure(x)}${left}Z`;
}

/** @returns diagonal strokes over a band: a hatch without a pattern, whose id would have to be unique on its page. */
export function hatchPath(x: number, y: number, w: number, h: number): string {
  const strokes: string[] = [];
  for (let at = x - h; at < x + w; at += 4) {
    const from = Math.max(at, x);
    const to = Math.min(at + h, x + w);
    if (to > from) strokes.push(`M${point(from, y + h - (from - at))}L${point(to, y + h - (to - at))}`);
  }
  return strokes.join('');
}

/** @returns the line of an arrow that runs along `trackY`, or straight where that is null, and its head. */
export function arrowPaths(
  [x1, y1]: readonly [number, number],
  [x2, y2]: readonly [number, number],
  trackY: number | null,
): { readonly line: string; readonly head: string } {
  const sign = y2 >= (trackY ?? y1) ? 1 : -1;
  const neck = y2 - sign * ARROW.length;
  const head =
    `M${point(x2, y2)}L${point(x2 - ARROW.half, y2 - sign * ARROW.length)}` +
    `L${point(x2 + ARROW.half, y2 - sign * ARROW.length)}Z`;
  if (trackY === null) return { line: `M${point(x2, y1)}V${figure(neck)}`, head };
  const along = Math.sign(x2 - x1);
  const corner = Math.min(CORNER, Math.abs(x2 - x1) / 2);
  const outward = Math.sign(trackY - y1) || 1;
  const line =
    `M${point(x1, y1)}V${figure(trackY - outward * corner)}Q${point(x1, trackY)} ${point(x1 + along * corner, trackY)}` +
    `H${figure(x2 - along * corner)}Q${point(x2, trackY)} ${point(x2, trackY + sign * corner)}V${figure(neck)}`;
  return { line, head };
}
