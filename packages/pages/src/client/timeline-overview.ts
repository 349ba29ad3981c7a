import type { View } from '../timeline/view.js';
import { byId, sizeCanvas } from './elements.js';
import type { Palette } from './theme.js';
import { GUTTER } from './timeline-frame.js';
import type { TimelineModel } from './timeline-model.js';

const HEIGHT = 36;
const MARK = 5;

/** Adds the time of pieces to the pixels that they lie on. */
function binTimes(starts: Float64Array, ends: Float64Array, bins: Float64Array, endNs: number): void {
  const perBin = endNs / bins.length;
  for (let i = 0; i < starts.length; i++) {
    const last = Math.min(Math.floor(ends[i] / perBin), bins.length - 1);
    for (let bin = Math.floor(starts[i] / perBin); bin <= last; bin++) {
      bins[bin] += Math.min(ends[i], (bin + 1) * perBin) - Math.max(starts[i], bin * perBin);
    }
  }
}

/** The whole timeline in a strip: how busy it is, where communication is exposed, and a frame around what is in view. */
export class Overview {
  private readonly canvas = byId('timeline-overview', HTMLCanvasElement);
  private readonly frame = byId('timeline-window', HTMLElement);

  constructor(
    private readonly model: TimelineModel,
    moveTo: (middleNs: number) => void,
  ) {
    const move = ({ offsetX, buttons }: PointerEvent): void => {
      const width = this.canvas.clientWidth - GUTTER;
      if (buttons === 1) moveTo(((offsetX - GUTTER) / width) * model.head.endNs);
    };
    this.canvas.addEventListener('pointerdown', (event) => {
      this.canvas.setPointerCapture(event.pointerId);
      move(event);
    });
    this.canvas.addEventListener('pointermove', move);
  }

  /** Draws the strip anew: after a change of size or colours. */
  draw(width: number, palette: Palette): void {
    const { kernels, phases, exposed, head } = this.model;
    const context = sizeCanvas(this.canvas, width, HEIGHT);
    context.fillStyle = palette.get('surface')!;
    context.fillRect(0, 0, width, HEIGHT);
    const bins = Math.max(Math.floor(width - GUTTER), 1);
    const drawBars = (times: Float64Array, colour: string, top: number, height: number, most: number): void => {
      context.fillStyle = palette.get(colour)!;
      times.forEach((time, x) => {
        const bar = time === 0 ? 0 : Math.max((time / most) * height, 1);
        context.fillRect(GUTTER + x, top + height - bar, 1, bar);
      });
    };
    const busy = new Float64Array(bins);
    const pieces = kernels.starts.length > 0 ? kernels : phases;
    binTimes(pieces.starts, pieces.ends, busy, head.endNs);
    drawBars(busy, 'compute', 2, HEIGHT - MARK - 4, Math.max(...busy, 1));
    const marks = new Float64Array(bins);
    binTimes(exposed.starts, exposed.ends, marks, head.endNs);
    drawBars(marks.map(Math.sign), 'exposed', HEIGHT - MARK - 1, MARK, 1);
    context.font = '11px system-ui, sans-serif';
    context.textBaseline = 'middle';
    context.fillStyle = palette.get('muted')!;
    context.fillText('Overview: busy, exposed', 8, HEIGHT / 2, GUTTER - 14);
  }

  /** Frames what is in view. */
  mark({ startNs, endNs }: View): void {
    const width = this.canvas.clientWidth - GUTTER;
    const { endNs: total } = this.model.head;
    this.frame.style.left = `${GUTTER + (startNs / total) * width}px`;
    this.frame.style.width = `${Math.max(((endNs - startNs) / total) * width, 3)}px`;
  }
}
