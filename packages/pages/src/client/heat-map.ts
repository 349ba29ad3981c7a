import { LARGEST_CELL, MATRIX_MARGIN as MARGIN } from '../matrix-size.js';
import type { ByteMatrix } from '../page-data.js';
import { formatBytes } from '../units.js';
import { byId, readData, sizeCanvas } from './elements.js';
import { onThemeChange, readPalette } from './theme.js';

const STEPS: Readonly<Record<string, readonly [number, number]>> = {
  ArrowLeft: [0, -1],
  ArrowRight: [0, 1],
  ArrowUp: [-1, 0],
  ArrowDown: [1, 0],
};

class HeatMap {
  private readonly canvas = byId('matrix-canvas', HTMLCanvasElement);
  private readonly text = byId('matrix-cell', HTMLElement);
  private readonly largest: number;
  private cell = 1;
  private chosen: readonly [number, number] | null = null;

  constructor(private readonly matrix: ByteMatrix) {
    this.largest = matrix.bytes.reduce((most, bytes) => Math.max(most, bytes), 1);
    this.canvas.addEventListener('pointermove', (event) => {
      const [row, column] = [event.offsetY, event.offsetX].map((at) => Math.floor((at - MARGIN) / this.cell));
      if (Math.min(row, column) >= 0 && Math.max(row, column) < matrix.ranks) this.choose(row, column);
    });
    this.canvas.addEventListener('keydown', (event) => {
      const step = STEPS[event.key];
      if (step === undefined) return;
      event.preventDefault();
      const [row, column] = this.chosen ?? [0, 0];
      const held = (at: number): number => Math.min(Math.max(at, 0), matrix.ranks - 1);
      this.choose(held(row + step[0]), held(column + step[1]));
    });
    this.canvas.addEventListener('focus', () => {
      if (this.chosen === null) this.choose(0, 0);
    });
    new ResizeObserver(() => {
      this.draw();
    }).observe(this.canvas.parentElement!);
    onThemeChange(() => {
      this.draw();
    });
  }

  private choose(row: number, column: number): void {
    this.chosen = [row, column];
    this.text.textContent = `rank ${row} → rank ${column}: ${formatBytes(this.matrix.bytes[row * this.matrix.ranks + column])}`;
    this.draw();
  }

  private draw(): void {
    const { ranks, nodeSize, bytes } = this.matrix;
    const room = this.canvas.parentElement!.clientWidth - MARGIN - 1;
    this.cell = Math.min(room / ranks, LARGEST_CELL);
    const side = this.cell * ranks;
    const context = sizeCanvas(this.canvas, Math.ceil(MARGIN + side + 1), Math.ceil(MARGIN + side + 1));
    const palette = readPalette(['heat', 'surface', 'ink', 'muted', 'focus']);
    const at = (index: number): number => MARGIN + index * this.cell;
    context.fillStyle = palette.get('surface')!;
    context.fillRect(0, 0, MARGIN + side + 1, MARGIN + side + 1);
    context.fillStyle = palette.get('heat')!;
    bytes.forEach((count, i) => {
      if (count === 0) return;
      // Linear from nothing, but what is not nothing is seen.
      context.globalAlpha = 0.06 + 0.94 * (count / this.largest);
      context.fillRect(at(i % ranks), at(Math.floor(i / ranks)), this.cell, this.cell);
    });
    context.globalAlpha = 1;
    context.strokeStyle = palette.get('muted')!;
    context.lineWidth = 1;
    context.beginPath();
    for (const line of this.boundaries()) {
      const position = Math.round(at(line)) + 0.5;
      context.moveTo(MARGIN, position);
      context.lineTo(MARGIN + side, position);
      context.moveTo(position, MARGIN);
      context.lineTo(position, MARGIN + side);
    }
    context.stroke();
    // Every number where they fit, else those of whole nodes.
    const every = this.cell >= 22 ? 1 : nodeSize * Math.ceil(22 / (this.cell * nodeSize));
    this.drawNumbers(context, palette.get('muted')!, every, at);
    if (this.chosen === null) return;
    const [row, column] = this.chosen;
    context.strokeStyle = palette.get('ink')!;
    context.lineWidth = 2;
    context.strokeRect(at(column) - 1, at(row) - 1, this.cell + 2, this.cell + 2);
  }

  private boundaries(): number[] {
    const { ranks, nodeSize } = this.matrix;
    const nodes = Math.ceil(ranks / nodeSize);
    return [...Array.from({ length: nodes }, (_, node) => node * nodeSize), ranks];
  }

  private drawNumbers(
    context: CanvasRenderingContext2D,
    colour: string,
    every: number,
    at: (i: number) => number,
  ): void {
    const { ranks } = this.matrix;
    context.fillStyle = colour;
    context.font = '11px system-ui, sans-serif';
    context.textBaseline = 'middle';
    for (let rank = 0; rank < ranks; rank += every) {
      const middle = at(rank) + this.cell / 2;
      context.textAlign = 'right';
      context.fillText(String(rank), MARGIN - 6, middle);
      context.textAlign = 'center';
      context.fillText(String(rank), middle, MARGIN - 12);
    }
  }
}

/** Draws the heat map of bytes between ranks, where the page has one. */
export function startHeatMap(): void {
  const matrix = readData('matrix-data') as ByteMatrix | null;
  if (matrix !== null) new HeatMap(matrix);
}
