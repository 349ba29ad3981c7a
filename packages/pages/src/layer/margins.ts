import { BAND, PLOT, type Frame } from './frame.js';
import { cutText, numberIn, SMALL_SIZE, textWidth } from './labels.js';
import { PAINT, text } from './paint.js';
import { layerSpan } from './place.js';
import type { LayerPicture, Tone } from './picture.js';
import { microseconds, roundTicks } from './scale.js';
import { figure, hatchPath } from './shapes.js';
import { plainText } from '../plain-text.js';

/** @returns what a tone means in a picture of these phases. */
function toneName(tone: Tone, phases: readonly string[]): string {
  const isTraining = phases.some((phase) => /\((?:F|B|W)\)/.test(phase));
  const names: Readonly<Record<Tone, string>> = {
    orange: isTraining ? 'forward' : 'micro-batch 0',
    green: isTraining ? 'backward' : 'micro-batch 1',
    violet: 'pipeline communication',
    neutral: 'other',
  };
  return names[tone];
}

/** The axis of time: lines behind the boxes, and what stands under them. */
export function axisMarkup(
  picture: LayerPicture,
  { scale, plotRight, axisTop, axisBottom }: Frame,
): { grid: string; labels: string } {
  const ticks = roundTicks(
    layerSpan(picture),
    Math.round((9 * (plotRight - PLOT.left)) / (PLOT.right - PLOT.left)),
  ).map((ns) => ({ ns, x: scale(picture.startNs + ns) }));
  const end = `M${PLOT.left} ${figure(axisBottom)}H${figure(plotRight)}`;
  const lines = ticks.map(({ x }) => `M${figure(x)} ${figure(axisTop)}V${figure(axisBottom + 4)}`).join('');
  const labels = ticks.map(({ ns, x }) =>
    text(x, axisBottom + 17, ns === 0 ? '0' : microseconds(ns), `fill="${PAINT.muted}" text-anchor="middle"`),
  );
  return {
    grid: `<path d="${lines}" stroke="${PAINT.line}" stroke-dasharray="2 3"/><path d="${end}" stroke="${PAINT.line}"/>`,
    labels: labels.join(''),
  };
}

/** The key: what the colours of this picture, and its hatch, mean. */
export function keyMarkup({ rows }: Frame, hasBands: boolean): string {
  const boxes = rows.flatMap((row) => row.boxes.map(({ box }) => box));
  const phases = boxes.map(({ phase }) => phase);
  const y = 37;
  let x = PLOT.left;
  const entry = (swatch: string, content: string): string => {
    const markup = `${swatch}${text(x + 17, y, content, `fill="${PAINT.muted}"`)}`;
    x += 17 + textWidth(content, SMALL_SIZE) + 18;
    return markup;
  };
  const parts = (['orange', 'green', 'violet', 'neutral'] as const)
    .filter((tone) => boxes.some((box) => box.tone === tone))
    .map((tone) => {
      const swatch = `<rect x="${figure(x)}" y="${y - 9}" width="12" height="10" fill="${PAINT[tone]}"/>`;
      return entry(swatch, toneName(tone, phases));
    });
  if (boxes.some(({ kind }) => kind === 'wait')) {
    const at = `x="${figure(x + 0.5)}" y="${y - 8.5}" width="11" height="9"`;
    parts.push(entry(`<rect ${at} fill="none" stroke="${PAINT.muted}" stroke-width="1.5"/>`, 'wait'));
  }
  if (hasBands) {
    const hatch = hatchPath(x, y - 7, 12, BAND);
    parts.push(entry(`<path d="${hatch}" stroke="${PAINT.exposed}" stroke-width="1.4"/>`, 'exposed communication'));
  }
  return parts.join('');
}

/** Names that fit nowhere else, by the number in their box. */
export function legendMarkup(
  picture: LayerPicture,
  { rows, numbered, axisBottom }: Frame,
): { markup: string; lines: number } {
  const flagged = new Set(rows.flatMap(({ labels }) => labels.flags.map(({ placed }) => placed)));
  let [x, lines] = [PLOT.left, numbered.length > 0 ? 1 : 0];
  const entries = numbered.map((placed, index) => {
    const { phase, startNs, endNs } = placed.box;
    const isMarked = flagged.has(placed) || numberIn(placed, index + 1) !== undefined;
    // A number that stands nowhere in the picture would be looked for in vain.
    const where = isMarked ? `${index + 1}  ` : `at ${microseconds(Math.max(0, startNs - picture.startNs))}: `;
    const label = `${where}${plainText(phase)} ${microseconds(endNs - startNs)}`;
    const content = cutText(label, SMALL_SIZE, PLOT.right - PLOT.left);
    const width = textWidth(content, SMALL_SIZE);
    if (x > PLOT.left && x + width > PLOT.right) [x, lines] = [PLOT.left, lines + 1];
    const markup = text(x, axisBottom + 18 + lines * 16, content, `fill="${PAINT.ink}"`);
    x += width + 18;
    return markup;
  });
  return { markup: entries.join(''), lines };
}
