import { frameOf, WIDTH, type Frame } from './frame.js';
import { cutText, NAME_SIZE, textWidth } from './labels.js';
import { axisMarkup, keyMarkup, legendMarkup } from './margins.js';
import { bandMarkup, boxMarkup, flagsMarkup, gatesMarkup } from './marks.js';
import { PAINT, text } from './paint.js';
import { layerSpan, rowLabel, shareOfRoom } from './place.js';
import type { LayerPicture } from './picture.js';
import { microseconds } from './scale.js';
import { figure } from './shapes.js';
import { escapeMarkup, plainText } from '../plain-text.js';

const TITLE_SIZE = 15;

/** What a reader hears who does not see the picture. */
function describe(picture: LayerPicture, { rows }: Frame): string {
  const said = rows.map(({ boxes }, row) => {
    const phases = boxes.map(({ box }) => `${box.phase} ${microseconds(box.endNs - box.startNs)}`);
    return `${rowLabel(picture.rows[row]).join(' · ')}: ${phases.join(', ') || 'nothing'}.`;
  });
  return `One layer of ${microseconds(layerSpan(picture))}, to scale. ${said.join(' ')}`;
}

function draw(picture: LayerPicture, share: number, attributes: string, style: string): string {
  const frame = frameOf(picture, share);
  const { grid, labels } = axisMarkup(picture, frame);
  const legend = legendMarkup(picture, frame);
  const height = frame.axisBottom + 26 + legend.lines * 16;
  const duration = ` · ${microseconds(layerSpan(picture))}`;
  const room = WIDTH - 16 - textWidth(duration, TITLE_SIZE, true);
  const title = `${cutText(plainText(picture.title), TITLE_SIZE, room / 1.1)}${duration}`;
  const bands = frame.rows
    .flatMap((row) => row.boxes.map((placed) => bandMarkup(frame, row, placed)))
    .filter((band) => band !== '');
  const rowNames = frame.rows.map(({ top, bottom }, row) => {
    const [kind, ...more] = rowLabel(picture.rows[row]);
    const middle = (top + bottom) / 2;
    return (
      text(4, middle + (more.length > 0 ? -3 : 4), kind, `fill="${PAINT.ink}" font-weight="600"`, NAME_SIZE) +
      more.map((line) => text(4, middle + 12, line, `fill="${PAINT.muted}"`)).join('')
    );
  });
  return [
    `<svg ${attributes}viewBox="0 0 ${WIDTH} ${figure(height)}" role="img">`,
    `<title>${escapeMarkup(title)}</title><desc>${escapeMarkup(describe(picture, frame))}</desc>`,
    style,
    text(4, 18, title, `fill="${PAINT.ink}" font-weight="600"`, TITLE_SIZE),
    keyMarkup(frame, bands.length > 0),
    grid,
    ...rowNames,
    ...bands,
    gatesMarkup(frame),
    ...frame.rows.flatMap((row) => row.boxes.map((placed) => boxMarkup(picture, frame, row, placed))),
    ...frame.rows.map((row) => flagsMarkup(frame, row)),
    labels,
    legend.markup,
    '</svg>',
  ]
    .filter((part) => part !== '')
    .join('\n');
}

/**
 * Draws a layer for a page: an SVG element, 1120 wide in its own units, that takes its font from the page and its
 * colours from the page's variables (`--orange --green --violet --neutral --ink --muted --line --surface --exposed`,
 * and `--on-box` for text on the tones, which is dark unless the page says otherwise). It has no ids: several may stand
 * on one page.
 *
 * @param others layers that are drawn below it: all have the scale of the longest, which takes the whole width.
 */
export function layerSvg(picture: LayerPicture, others: readonly LayerPicture[] = []): string {
  return draw(picture, shareOfRoom(picture, others), '', '');
}

/** Dark mode of a picture that stands alone; light mode is what the variables fall back to. */
const DARK =
  '--orange:#eda15a;--green:#7cc282;--violet:#b79be6;--neutral:#8d96a0;--ink:#e6edf3;--muted:#9198a1;--line:#30363d;' +
  '--surface:#0d1117;--exposed:#ff7b72';

/** Draws a layer as a file of its own, with a background; it follows the reader's light or dark mode. */
export function standaloneLayerSvg(picture: LayerPicture): string {
  const attributes = `xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" font-family="system-ui, -apple-system, 'Segoe UI', sans-serif" `;
  const style =
    `<style>@media (prefers-color-scheme: dark){:root{${DARK}}}</style>\n` +
    `<rect width="100%" height="100%" fill="${PAINT.surface}"/>`;
  return `${draw(picture, 1, attributes, style)}\n`;
}
