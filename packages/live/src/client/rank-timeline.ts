import { axisTicks, byId, drawText, onThemeChange, readPalette, sizeCanvas, toneOf } from '@epemu/pages/client';
import type { Palette } from '@epemu/pages/client';
import type { LiveState, RunHead } from '../state.js';
import { lineNames, rankPieces } from './rank-pieces.js';
import type { Piece, RankPieces } from './rank-pieces.js';
import { element, microsecondsText, setText } from './text.js';

/** Pixels left of the plot, of the axis, of the layers' names below it, of a line, a piece, and its stripe. */
const GUTTER = 84;
const TICKS = 24;
const AXIS = 40;
const LINE = 38;
const PIECE = 30;
const STRIPE = 5;
/** Pixels of an axis label. */
const TICK_WIDTH = 110;
/** Pieces narrower than this carry no text, pixels. */
const LABELLED_WIDTH = 28;
/** Lines before anything is known of the run: most scenarios have two or three. */
const USUAL_LINES = 2;

const COLOURS = [
  ...['surface', 'stripe', 'line', 'muted', 'ink', 'focus'],
  ...['compute', 'communication', 'orange', 'green', 'violet', 'neutral'],
];

const NOTHING: RankPieces = { pieces: [], startNs: 0, endNs: 0, marks: [] };

/** Draws the last layers of the selected rank, in virtual time. */
export class RankTimeline {
  readonly #canvas = byId('timeline', HTMLCanvasElement);
  readonly #tooltip = byId('timeline-tooltip', HTMLElement);
  readonly #said = byId('timeline-said', HTMLElement);
  #head: RunHead | null = null;
  #shown: RankPieces = NOTHING;
  #rank = 0;
  /** The piece that was gone to by keys. */
  #chosen: Piece | undefined;
  #palette: Palette | undefined;

  constructor() {
    new ResizeObserver(() => {
      this.#draw();
    }).observe(this.#canvas.parentElement!);
    onThemeChange(() => {
      this.#palette = undefined;
      this.#draw();
    });
    this.#canvas.addEventListener('pointermove', ({ offsetX, offsetY }) => {
      const piece = this.#pieceAt(offsetX, offsetY);
      if (piece === undefined) this.#tooltip.hidden = true;
      else this.#showTooltip(piece, offsetX, offsetY);
    });
    this.#canvas.addEventListener('pointerleave', () => {
      this.#tooltip.hidden = true;
    });
    this.#canvas.addEventListener('blur', () => {
      this.#choose(undefined);
    });
    this.#canvas.addEventListener('keydown', (event) => {
      this.#goBy(event);
    });
  }

  show(state: LiveState, rank: number): void {
    const same = rank === this.#rank && state.head === this.#head;
    [this.#head, this.#rank] = [state.head, rank];
    this.#shown = this.#head === null ? NOTHING : rankPieces(this.#head, state, rank);
    const { chosen } = this;
    // What was chosen may have gone out of sight.
    this.#chosen = same && chosen !== undefined ? this.#shown.pieces.find((piece) => isSame(piece, chosen)) : undefined;
    if (!same) this.#tooltip.hidden = true;
    this.#draw();
  }

  get chosen(): Piece | undefined {
    return this.#chosen;
  }

  #lines(): string[] {
    return this.#head === null ? Array.from({ length: USUAL_LINES }, () => '') : lineNames(this.#head);
  }

  #draw(): void {
    const lines = this.#lines();
    const width = this.#canvas.parentElement!.clientWidth;
    const height = AXIS + lines.length * LINE;
    const context = sizeCanvas(this.#canvas, width, height);
    this.#palette ??= readPalette(COLOURS);
    const colour = (name: string): string => this.#palette!.get(name)!;
    context.fillStyle = colour('surface');
    context.fillRect(0, 0, width, height);
    context.textBaseline = 'middle';
    context.textAlign = 'left';
    lines.forEach((name, line) => {
      context.fillStyle = colour('stripe');
      context.fillRect(GUTTER, AXIS + line * LINE + (LINE - PIECE) / 2, width - GUTTER, PIECE);
      context.fillStyle = colour('muted');
      drawText(context, name, 4, AXIS + (line + 0.5) * LINE, GUTTER - 8);
    });
    this.#drawAxis(context, width, height, colour);
    for (const piece of this.#shown.pieces) this.#drawPiece(context, piece, colour);
    const { pieces, startNs, endNs } = this.#shown;
    const { dataset } = this.#canvas;
    dataset.rank = String(this.#rank);
    dataset.pieces = String(pieces.length);
    dataset.startNs = String(startNs);
    dataset.endNs = String(endNs);
    dataset.plotLeft = String(GUTTER);
  }

  #x(ns: number): number {
    const { startNs, endNs } = this.#shown;
    return GUTTER + ((ns - startNs) / Math.max(1, endNs - startNs)) * (this.#canvas.clientWidth - GUTTER - 1);
  }

  #drawAxis(context: CanvasRenderingContext2D, width: number, height: number, colour: (name: string) => string): void {
    context.fillStyle = colour('line');
    context.fillRect(GUTTER, TICKS - 1, width - GUTTER, 1);
    if (this.#shown.pieces.length === 0) {
      context.fillStyle = colour('muted');
      drawText(context, 'No phase of this rank has ended yet.', GUTTER + 4, TICKS / 2, width - GUTTER - 8);
      return;
    }
    const { stepNs, ticks } = axisTicks(this.#shown, Math.max((width - GUTTER) / TICK_WIDTH, 1));
    const digits = Math.max(0, Math.ceil(3 - Math.log10(stepNs)));
    const format = { minimumFractionDigits: digits, maximumFractionDigits: digits };
    for (const ns of ticks) {
      const x = Math.round(this.#x(ns));
      context.fillStyle = colour('line');
      context.fillRect(x, 6, 1, TICKS - 6);
      context.fillRect(x, AXIS, 1, height - AXIS);
      context.fillStyle = colour('muted');
      drawText(context, `${(ns / 1000).toLocaleString('en', format)} µs`, x + 4, TICKS / 2, width - x - 6);
    }
    context.fillStyle = colour('ink');
    for (const { ns, layer } of this.#shown.marks) {
      const x = Math.round(this.#x(ns));
      context.fillRect(x, TICKS, 1, height - TICKS);
      drawText(context, `layer ${layer}`, x + 4, (TICKS + AXIS) / 2 + 1, width - x - 6);
    }
  }

  #box(piece: Piece): readonly [left: number, top: number, width: number] {
    const left = Math.round(this.#x(piece.startNs));
    const width = Math.max(1, Math.round(this.#x(piece.endNs)) - left);
    return [left, AXIS + piece.line * LINE + (LINE - PIECE) / 2, width];
  }

  #drawPiece(context: CanvasRenderingContext2D, piece: Piece, colour: (name: string) => string): void {
    const { phases, operations } = this.#head!;
    const [left, top, width] = this.#box(piece);
    const name = nameOf(this.#head!, piece);
    // A line of background parts pieces that touch.
    const wide = width > 3 ? width - 1 : width;
    context.fillStyle = colour(operations.communication[piece.operation] === 1 ? 'communication' : 'compute');
    context.fillRect(left, top, wide, PIECE);
    context.fillStyle = colour(toneOf(phases[operations.phase[piece.operation]]));
    context.fillRect(left, top, wide, STRIPE);
    context.fillStyle = colour('ink');
    if (width >= LABELLED_WIDTH) drawText(context, name, left + 4, top + (PIECE + STRIPE) / 2, wide - 8);
    if (piece !== this.#chosen) return;
    context.strokeStyle = colour('focus');
    context.lineWidth = 2;
    context.strokeRect(left, top, wide, PIECE);
  }

  #pieceAt(x: number, y: number): Piece | undefined {
    const line = Math.floor((y - AXIS) / LINE);
    // The last one drawn lies on top; a little room makes thin ones easy to point at.
    return this.#shown.pieces.findLast((piece) => {
      const [left, , width] = this.#box(piece);
      return piece.line === line && x >= left - 1 && x <= left + width + 1;
    });
  }

  #goBy(event: KeyboardEvent): void {
    const { pieces } = this.#shown;
    const at = this.#chosen === undefined ? -1 : pieces.indexOf(this.#chosen);
    const steps: Readonly<Record<string, number>> = {
      ArrowRight: Math.min(at + 1, pieces.length - 1),
      ArrowLeft: at < 0 ? pieces.length - 1 : Math.max(at - 1, 0),
      Home: 0,
      End: pieces.length - 1,
    };
    const to = event.key === 'Escape' ? -1 : steps[event.key];
    if (to === undefined) return;
    event.preventDefault();
    this.#choose(pieces[to]);
  }

  #choose(piece: Piece | undefined): void {
    this.#chosen = piece;
    this.#draw();
    if (piece === undefined) {
      this.#tooltip.hidden = true;
      setText(this.#said, '');
      return;
    }
    const [left, top, width] = this.#box(piece);
    this.#showTooltip(piece, left + width / 2, top + PIECE / 2);
    setText(this.#said, [nameOf(this.#head!, piece), ...this.#facts(piece).map((fact) => fact.join(' '))].join(', '));
  }

  #facts({ operation, line, startNs, endNs }: Piece): (readonly [string, string])[] {
    return [
      ['layer', String(this.#head!.operations.layer[operation])],
      ['on', this.#lines()[line]],
      ['from', microsecondsText(startNs)],
      ['takes', microsecondsText(endNs - startNs)],
    ];
  }

  #showTooltip(piece: Piece, x: number, y: number): void {
    const list = element('dl');
    for (const [label, value] of this.#facts(piece)) list.append(element('dt', label), element('dd', value));
    this.#tooltip.replaceChildren(element('strong', nameOf(this.#head!, piece)), list);
    this.#tooltip.hidden = false;
    const { width } = this.#tooltip.getBoundingClientRect();
    const room = this.#canvas.clientWidth;
    this.#tooltip.style.left = `${Math.max(0, x + 14 + width > room ? x - 14 - width : x + 14)}px`;
    this.#tooltip.style.top = `${y + 16}px`;
  }
}

function nameOf({ phases, operations }: RunHead, { operation, background }: Piece): string {
  const phase = phases[operations.phase[operation]];
  return background ? phase.replace(/^issue /, '') : phase;
}

function isSame(one: Piece, other: Piece): boolean {
  return one.operation === other.operation && one.background === other.background;
}
