import { trackBelow } from '../timeline/layout.js';
import { clampView, panView, viewAround, zoomView, type View } from '../timeline/view.js';
import { formatNs, formatStretch } from '../units.js';
import { byId, sizeCanvas } from './elements.js';
import { onThemeChange, readPalette, type Palette } from './theme.js';
import { AXIS, canvasY, GUTTER, middleOf, type Chosen, type Layer } from './timeline-frame.js';
import { exposedSentence, hitAt, type Hit } from './timeline-hit.js';
import { listen, type TimelineActions } from './timeline-input.js';
import { loadTimeline, type TimelineModel } from './timeline-model.js';
import { Overview } from './timeline-overview.js';
import { paint } from './timeline-paint.js';
import { firstSlice, hitSentence, selectedHit, stepOnRow, stepRow, type Selected } from './timeline-steps.js';
import { Tooltip } from './timeline-tooltip.js';

const COLOURS = [
  ...['compute', 'communication', 'memory', 'orange', 'green', 'violet', 'neutral', 'exposed'],
  ...['surface', 'stripe', 'ink', 'muted', 'line', 'path', 'focus'],
];
const LEAST_HEIGHT = 260;

/** The timeline on the page: what is in view, and drawing it when that changed. */
class Timeline implements TimelineActions {
  private readonly element = byId('timeline', HTMLElement);
  private readonly rows = byId('timeline-rows', HTMLElement);
  private readonly canvas = byId('timeline-canvas', HTMLCanvasElement);
  private readonly range = byId('timeline-range', HTMLElement);
  private readonly status = byId('timeline-status', HTMLElement);
  private readonly tooltip = new Tooltip();
  private readonly overview: Overview;
  private readonly shown = new Set<Layer>();
  private readonly totalNs: number;
  private palette: Palette = readPalette(COLOURS);
  private view: View;
  private width = 0;
  private height = 0;
  private exposedStep = -1;
  private chosen: Chosen | null = null;
  private selected: Selected | undefined;
  private dirty = false;

  constructor(private readonly model: TimelineModel) {
    this.totalNs = Math.max(model.head.endNs, 1);
    this.view = { startNs: 0, endNs: this.totalNs };
    this.overview = new Overview(model, (middleNs) => {
      const half = (this.view.endNs - this.view.startNs) / 2;
      this.look(clampView({ startNs: middleNs - half, endNs: middleNs + half }, this.totalNs));
    });
    byId('timeline-content', HTMLElement).style.height = `${model.layout.height + AXIS}px`;
    listen(this.element, this.canvas, this);
    this.rows.addEventListener('scroll', () => {
      this.redraw();
    });
    for (const box of this.element.querySelectorAll<HTMLInputElement>('[data-show]')) {
      const toggle = (): void => {
        const layer = box.dataset.show as Layer;
        if (box.checked) this.shown.add(layer);
        else this.shown.delete(layer);
        this.redraw();
      };
      box.addEventListener('change', toggle);
      toggle();
    }
    onThemeChange(() => {
      this.palette = readPalette(COLOURS);
      this.overview.draw(this.width, this.palette);
      this.redraw();
    });
    new ResizeObserver(() => {
      this.resize();
    }).observe(this.rows);
  }

  zoom(factor: number, x: number | null): void {
    const share = x === null ? 0.5 : Math.max(x - GUTTER, 0) / (this.width - GUTTER);
    const atNs = this.view.startNs + share * (this.view.endNs - this.view.startNs);
    this.look(zoomView(this.view, factor, atNs, this.totalNs));
  }

  pan(share: number): void {
    this.look(panView(this.view, share * (this.view.endNs - this.view.startNs), this.totalNs));
  }

  panPixels(x: number): void {
    this.pan(x / (this.width - GUTTER));
  }

  scroll(pixels: number): void {
    this.rows.scrollTop += pixels;
  }

  fit(): void {
    this.look({ startNs: 0, endNs: this.totalNs });
  }

  stepExposed(step: number): void {
    const { longestExposed, columns, layout } = this.model;
    const count = longestExposed.length;
    if (count === 0) {
      this.status.textContent = 'No communication is exposed.';
      return;
    }
    this.exposedStep = this.exposedStep < 0 && step < 0 ? count - 1 : (this.exposedStep + step + count) % count;
    const row = longestExposed[this.exposedStep];
    const [startNs, endNs] = [columns['exposed.startNs'][row], columns['exposed.endNs'][row]];
    const track = columns['exposed.track'][row];
    const { top, bottom } = layout.rows[track];
    this.chosen = { track, startNs, endNs };
    this.rows.scrollTop = (top + bottom + AXIS - this.height) / 2;
    this.look(viewAround(startNs, endNs, this.totalNs));
    this.status.textContent = `Exposed piece ${this.exposedStep + 1} of ${count} marked, longest first: ${exposedSentence(this.model, row)}`;
  }

  stepSlice(step: number): void {
    this.select(this.selected && stepOnRow(this.model, this.selected, step));
  }

  stepRow(step: number): void {
    this.select(this.selected && stepRow(this.model, this.selected, step));
  }

  zoomToSelected(): void {
    if (this.selected === undefined) return;
    const { startNs, endNs } = selectedHit(this.model, this.selected);
    this.view = viewAround(startNs, endNs, this.totalNs);
    this.select(this.selected);
  }

  toggleKeys(): void {
    const keys = byId('timeline-keys', HTMLElement);
    keys.hidden = !keys.hidden;
    this.element.querySelector('[data-action=keys]')?.setAttribute('aria-expanded', String(!keys.hidden));
  }

  release(): void {
    this.tooltip.pin(null, 0, 0);
    this.chosen = null;
    this.selected = undefined;
    this.redraw();
  }

  point(event: PointerEvent | null): void {
    if (event === null) this.tooltip.hoverEnd();
    else this.tooltip.hover(this.hit(event), event.clientX, event.clientY);
  }

  pin(event: PointerEvent): void {
    this.tooltip.pin(this.hit(event), event.clientX, event.clientY);
  }

  zoomToPiece(event: MouseEvent): void {
    const hit = this.hit(event);
    this.release();
    if (hit !== null) this.look(viewAround(hit.startNs, hit.endNs, this.totalNs));
  }

  private hit({ offsetX, offsetY }: MouseEvent): Hit | null {
    return hitAt(this.model, this.view, this.rows.scrollTop, this.width, offsetX, offsetY);
  }

  /** Brings a slice into view, frames it and tells of it; with none, the first in sight. */
  private select(slice: Selected | undefined): void {
    const { model, view, rows } = this;
    const selected = slice ?? firstSlice(model, view, trackBelow(model.layout, rows.scrollTop));
    if (selected === undefined) return;
    this.selected = selected;
    const hit = selectedHit(model, selected);
    const row = model.layout.rows[selected.track];
    if (row.top < rows.scrollTop || row.bottom + AXIS > rows.scrollTop + this.height)
      rows.scrollTop = (row.top + row.bottom + AXIS - this.height) / 2;
    const middleNs = (hit.startNs + hit.endNs) / 2;
    if (middleNs < view.startNs || middleNs > view.endNs)
      this.view = panView(view, middleNs - (view.startNs + view.endNs) / 2, this.totalNs);
    this.chosen = { track: selected.track, startNs: hit.startNs, endNs: hit.endNs };
    this.status.textContent = hitSentence(hit);
    const { left, top } = this.canvas.getBoundingClientRect();
    const share = (middleNs - this.view.startNs) / (this.view.endNs - this.view.startNs);
    const y = canvasY({ scrollTop: rows.scrollTop }, middleOf(row));
    this.tooltip.pin(hit, left + GUTTER + share * (this.width - GUTTER), top + y);
    this.redraw();
  }

  private look(view: View): void {
    this.view = view;
    this.redraw();
  }

  private resize(): void {
    this.width = this.rows.clientWidth;
    this.height = Math.min(this.model.layout.height + AXIS, Math.max(innerHeight * 0.72, LEAST_HEIGHT));
    this.rows.style.height = `${this.height}px`;
    this.overview.draw(this.width, this.palette);
    this.redraw();
  }

  private redraw(): void {
    if (this.dirty) return;
    this.dirty = true;
    requestAnimationFrame(() => {
      this.dirty = false;
      this.draw();
    });
  }

  private draw(): void {
    const { model, view, width, height, palette, shown, chosen } = this;
    const { scrollTop } = this.rows;
    const context = sizeCanvas(this.canvas, width, height);
    const tracks = [trackBelow(model.layout, scrollTop), trackBelow(model.layout, scrollTop + height) + 1] as const;
    const inSight = [tracks[0], Math.min(tracks[1], model.head.tracks.length)] as const;
    const painted = paint({ model, context, palette, view, scrollTop, width, height, shown, chosen, tracks: inSight });
    this.overview.mark(view);
    const thinned = painted.arrivalStride > 1 ? ` · 1 in ${painted.arrivalStride} last arrivals drawn` : '';
    this.range.textContent = `${formatStretch(Math.round(view.startNs), Math.round(view.endNs))}, ${formatNs(view.endNs - view.startNs)} in view${thinned}`;
    Object.assign(this.canvas.dataset, {
      startNs: Math.round(view.startNs),
      endNs: Math.round(view.endNs),
      rectangles: painted.rectangles,
      plotLeft: GUTTER,
      plotTop: AXIS,
    });
  }
}

/** Draws the timeline, where the page has one. */
export async function startTimeline(): Promise<void> {
  try {
    const model = await loadTimeline();
    if (model !== null) new Timeline(model);
  } catch (error) {
    // An old browser cannot unpack the columns; the rest of the page stands.
    byId('timeline-status', HTMLElement).textContent = `The timeline cannot be drawn here: ${String(error)}`;
  }
}
