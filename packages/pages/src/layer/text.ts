import { CanvasLine } from './canvas.js';
import { laneCount, layerSpan, placeRow, rowLabel, scaleOf, shareOfRoom, type PlacedBox } from './place.js';
import type { LayerPicture, LayerRow } from './picture.js';
import { microsecondFigure, microseconds, roundTicks } from './scale.js';
import { charactersOf, plainText } from '../plain-text.js';

/** Columns of the rows' labels, and how few there may be for the boxes. */
const LABEL = 16;
const LEAST_PLOT = 10;

/** A box in whole columns. */
interface Cells {
  readonly placed: PlacedBox;
  readonly from: number;
  readonly to: number;
}

/**
 * Boxes in whole columns: each has one at least, so that a short one pushes those after it by a column, until one with
 * columns to spare takes the push up.
 */
function cellsOf(lane: readonly PlacedBox[], columns: number): Cells[] {
  let next = LABEL;
  const cells: Cells[] = [];
  lane.forEach((placed, index) => {
    // Those yet to come need a column each.
    const last = columns - (lane.length - 1 - index);
    const from = Math.min(Math.max(next, Math.round(placed.from)), last - 1);
    const to = Math.min(Math.max(from + 1, Math.round(placed.to)), Math.max(from + 1, last));
    if (from < next) return;
    cells.push({ placed, from, to });
    next = to;
  });
  return cells;
}

/** Letters of the legend; what is left over when they are used up has no name. */
const LETTERS = 'abcdefghijklmnopqrstuvwxyz';

/** Boxes whose name fits nowhere, by letter. */
class Legend {
  readonly #entries: string[] = [];

  /** Puts a letter into a box, and its name into the legend. */
  add(line: CanvasLine, { placed: { box }, from, to }: Cells): void {
    const letter = LETTERS.at(this.#entries.length);
    if (letter === undefined) return;
    line.put(to - from > 2 ? from + 1 : from, letter, box.tone);
    this.#entries.push(`${letter} ${plainText(box.phase)} ${microseconds(box.endNs - box.startNs)}`);
  }

  /** @returns the legend, in as many lines as it takes. */
  lines(columns: number): CanvasLine[] {
    const lines: CanvasLine[] = [];
    let at = columns;
    for (const entry of this.#entries) {
      const { length } = charactersOf(entry);
      if (at + length > columns) {
        lines.push(new CanvasLine(columns));
        at = LABEL;
      }
      lines.at(-1)!.put(at, entry, 'quiet');
      at += length + 3;
    }
    return lines;
  }
}

/** @returns whether a box shows its name. */
function putBox(line: CanvasLine, { placed, from, to }: Cells): boolean {
  const { box, opensLeft, opensRight } = placed;
  const width = to - from;
  if (box.kind !== 'phase') {
    // An issue sends down to the network's row, a wait is for what comes up from it.
    line.put(from, (box.kind === 'issue' ? '↓' : '↑').repeat(width), box.tone);
    return false;
  }
  if (width < 2) {
    line.put(from, '|', box.tone);
    return false;
  }
  const room = width - 2;
  const name = plainText(box.phase);
  const timed = `${name} ${microsecondFigure(box.endNs - box.startNs)}`;
  const shown = [timed, name].find((text) => charactersOf(text).length <= room) ?? '';
  const padding = ' '.repeat(room - charactersOf(shown).length);
  line.put(from, `${opensLeft ? '<' : '['}${shown}${padding}${opensRight ? '>' : ']'}`, box.tone);
  return shown !== '';
}

/** The lines of a row: its boxes, and under them its SMs and the names that did not fit, the longest phases' first. */
function rowLines(row: LayerRow, placed: readonly PlacedBox[], columns: number, legend: Legend): CanvasLine[] {
  const [label, below = ''] = rowLabel(row);
  const lanes = Array.from({ length: laneCount(placed) }, () => new CanvasLine(columns));
  const names = new CanvasLine(columns);
  lanes[0].put(0, label);
  names.put(0, below, 'quiet');
  const unnamed = lanes.flatMap((line, lane) => {
    const cells = cellsOf(
      placed.filter((box) => box.lane === lane),
      columns,
    );
    return cells.filter((box) => !putBox(line, box));
  });
  const weight = ({ placed: { box } }: Cells): number =>
    (box.kind === 'phase' ? 1e15 : 0) + Math.min(1e14, box.endNs - box.startNs);
  for (const { placed: box, from, to } of unnamed.sort((a, b) => weight(b) - weight(a) || a.from - b.from)) {
    const name = plainText(box.box.phase);
    const length = charactersOf(name).length;
    // Under its box from where that begins, else as far to the left or to the right as some of it is under the box.
    const left = Array.from({ length: Math.max(1, from - Math.max(LABEL, to - length) + 1) }, (_, by) => from - by);
    const right = Array.from({ length: to - from - 1 }, (_, by) => from + 1 + by);
    const at = [...left, ...right].find((column) => names.isFree(column, length));
    if (at !== undefined) names.put(at, name, 'quiet');
    else if (box.box.kind === 'phase') legend.add(lanes[box.lane], { placed: box, from, to });
  }
  return [...lanes, names];
}

/** Where communication is exposed, one `!` a column; undefined where it is nowhere. */
function exposedLine(
  rows: readonly (readonly PlacedBox[])[],
  picture: LayerPicture,
  columns: number,
): CanvasLine | undefined {
  const scale = scaleOf(picture, LABEL, columns - LABEL);
  const stretches = rows
    .flat()
    .flatMap(({ box }) => box.exposed.map(({ startNs, endNs }) => [scale(startNs), scale(endNs)] as const))
    // Less than a third of a column is a gap between two kernels, which would look like more.
    .filter(([from, to]) => to - from >= 1 / 3);
  if (stretches.length === 0) return undefined;
  const line = new CanvasLine(columns);
  line.put(0, 'exposed', 'exposed');
  for (const [from, to] of stretches) {
    const first = Math.min(columns - 1, Math.floor(from));
    line.put(first, '!'.repeat(Math.max(1, Math.round(to) - first)), 'exposed');
  }
  return line;
}

function rulerLine(picture: LayerPicture, columns: number): CanvasLine {
  const line = new CanvasLine(columns);
  const scale = scaleOf(picture, LABEL, columns - LABEL);
  line.put(0, 'µs', 'quiet');
  for (const ns of roundTicks(layerSpan(picture), Math.max(1, Math.floor((columns - LABEL) / 10)))) {
    const label = microsecondFigure(ns);
    const at = Math.min(columns - 1, Math.round(scale(picture.startNs + ns)));
    if (line.isFree(at, label.length + 1)) line.put(at, `└${label}`, 'quiet');
    else if (line.isFree(at - label.length, label.length + 1)) line.put(at - label.length, `${label}┘`, 'quiet');
  }
  return line;
}

/** @returns how wide a layer is drawn so that the longest of several, drawn so wide, has the same scale. */
export function columnsToScale(picture: LayerPicture, others: readonly LayerPicture[], columns: number): number {
  return LABEL + Math.round((columns - LABEL) * shareOfRoom(picture, others));
}

/**
 * Draws a layer for a terminal, to scale as far as whole columns go: `[mlp(B) 5363   ]` is a box with its µs, `<` and
 * `>` stand where it goes on outside the layer, `|` is a box of one column, `↓` an issue, `↑` a wait;
 * a letter is of a box whose name stands below the picture.
 *
 * @param options.columns how wide a line may be; made for 60 to 200.
 * @param options.colour whether to colour the boxes with ANSI sequences.
 * @returns lines, each with its line feed.
 */
export function layerText(
  picture: LayerPicture,
  options: { readonly columns: number; readonly colour: boolean },
): string {
  const columns = Math.max(LABEL + LEAST_PLOT, options.columns);
  const scale = scaleOf(picture, LABEL, columns - LABEL);
  const title = new CanvasLine(columns);
  const duration = ` · ${microseconds(layerSpan(picture))}`;
  title.put(
    0,
    charactersOf(plainText(picture.title))
      .slice(0, columns - duration.length)
      .join('') + duration,
  );
  const rows = picture.rows.map((_, row) => placeRow(picture, row, scale));
  const legend = new Legend();
  const exposed = exposedLine(rows, picture, columns);
  return [
    title,
    ...rows.flatMap((row, index) => rowLines(picture.rows[index], row, columns, legend)),
    ...(exposed === undefined ? [] : [exposed]),
    rulerLine(picture, columns),
    ...legend.lines(columns),
  ]
    .map((line) => `${line.text(options.colour)}\n`)
    .join('');
}
