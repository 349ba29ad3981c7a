import { darkRules, inTheme } from './colours.js';
import type { Theme } from './colours.js';
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

/** A picture as markup that takes its colours from variables, and what it is called. */
interface Drawn {
  readonly title: string;
  readonly height: number;
  /** `<title>`, `<desc>` and all that is drawn. */
  readonly content: string;
}

function draw(picture: LayerPicture, share: number): Drawn {
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
  const content = [
    `<title>${escapeMarkup(title)}</title><desc>${escapeMarkup(describe(picture, frame))}</desc>`,
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
  ]
    .filter((part) => part !== '')
    .join('\n');
  return { title, height, content };
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
  const { height, content } = draw(picture, shareOfRoom(picture, others));
  return `<svg viewBox="0 0 ${WIDTH} ${figure(height)}" role="img">\n${content}\n</svg>`;
}

/** Room between pictures below each other, px. */
const BETWEEN = 24;

/**
 * Draws layers, one below the other and to one scale, as a file of its own: its colours are written out and its font is
 * generic, so that whatever shows SVG shows it as a browser does.
 *
 * @returns the markup, and its height in px; it is 1120 wide.
 */
export function standaloneLayers(
  pictures: readonly LayerPicture[],
  theme: Theme,
): { readonly svg: string; readonly width: number; readonly height: number } {
  const drawn = pictures.map((picture) => draw(picture, shareOfRoom(picture, pictures)));
  let height = 0;
  const groups = drawn.map(({ content, height: own }, index) => {
    const y = height + (index === 0 ? 0 : BETWEEN);
    height = y + own;
    return `<g transform="translate(0 ${figure(y)})">\n${content}\n</g>`;
  });
  height = Math.ceil(height);
  const size = `width="${WIDTH}" height="${height}"`;
  const title = drawn.map((each) => each.title).join('; ');
  const svg = [
    `<svg xmlns="http://www.w3.org/2000/svg" ${size} viewBox="0 0 ${WIDTH} ${height}" font-family="sans-serif" role="img">`,
    `<title>${escapeMarkup(title)}</title>`,
    ...(theme === 'auto' ? [darkRules()] : []),
    `<rect ${size} fill="${PAINT.surface}"/>`,
    ...groups,
    '</svg>\n',
  ].join('\n');
  return { svg: inTheme(svg, theme), width: WIDTH, height };
}
