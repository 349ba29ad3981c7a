import type { PipelineReport } from '@epemu/outputs';
import type { Cell, PipelineOrder, PipelineTimes, TimedCell, Work } from '@epemu/pipelines';

/** How a chart is drawn. */
export interface ChartOptions {
  /** Characters of a line. */
  readonly columns: number;
  readonly colour: boolean;
}

/** What of a pipeline and its times is drawn. */
type ChartOrder = Pick<PipelineOrder, 'ranks' | 'stages' | 'microBatches' | 'stagesOfRank'>;
type ChartTimes = Pick<PipelineTimes, 'cells' | 'makespan'>;

const LETTERS: Readonly<Record<Work, string>> = {
  forward: 'f',
  backward: 'b',
  'backward for input': 'i',
  'backward for weights': 'w',
};
/** Background colours of a terminal with 256 of them: DualPipe's own picture has orange, green and blue. */
const COLOURS: Readonly<Record<Work, number>> = {
  forward: 215,
  backward: 114,
  'backward for input': 156,
  'backward for weights': 111,
};
const WORKS = Object.keys(LETTERS) as Work[];

/** Characters that stand for a unit of time at most. */
const MOST_CHARACTERS = 12;

/** A character of a rank's row, and the work that it shows. */
interface Mark {
  readonly character: string;
  readonly work: Work | undefined;
}

const IDLE: Mark = { character: ' ', work: undefined };

/** Marks of a cell that is `length` characters long: who is worked on, then dots to its end. */
function marksOf({ cell, start, end }: TimedCell, length: number, labelOf: (microBatch: number) => string): Mark[] {
  const span = end - start;
  return cell.flatMap(({ work, microBatch }, index) => {
    const from = Math.round((length * index) / cell.length);
    const to = span === 0 ? from : Math.round((length * (index + 1)) / cell.length);
    const text = `${LETTERS[work]}${labelOf(microBatch)}`;
    const shown = text.length <= to - from ? text : LETTERS[work];
    return Array.from(shown.padEnd(to - from, '·').slice(0, to - from)).map((character) => ({ character, work }));
  });
}

function rowOf(cells: readonly TimedCell[], perUnit: number, labelOf: (microBatch: number) => string): Mark[] {
  const marks: Mark[] = [];
  for (const timed of cells) {
    const from = Math.round(timed.start * perUnit);
    const to = Math.round(timed.end * perUnit);
    while (marks.length < from) marks.push(IDLE);
    marks.push(...marksOf(timed, to - from, labelOf));
  }
  return marks;
}

function textOf(marks: readonly Mark[], colour: boolean): string {
  if (!colour) return marks.map(({ character }) => character).join('');
  let text = '';
  let before: Work | undefined;
  for (const { character, work } of marks) {
    if (work !== before) text += work === undefined ? '\x1b[0m' : `\x1b[30;48;5;${COLOURS[work]}m`;
    before = work;
    text += character;
  }
  return before === undefined ? text : `${text}\x1b[0m`;
}

/** Characters for a unit of time: as many as the shortest cell needs for its micro-batch. */
function charactersPerUnit(times: ChartTimes, label: number): number {
  const shortest = times.cells
    .flat()
    .reduce((least, { cell, start, end }) => Math.min(least, (end - start) / cell.length || least), Infinity);
  return Math.min(MOST_CHARACTERS, (label + 1) / shortest);
}

/**
 * @returns a row for each rank over time, in bands as wide as the output: `f3` a forward of micro-batch 3, `b` a backward, `i`
 * its part for inputs and `w` that for weights; micro-batches of the way back are counted from 0 again.
 */
export function pipelineChart(order: ChartOrder, times: ChartTimes, options: ChartOptions): string {
  const comesFromBothEnds = order.stagesOfRank === 2 && order.stages === order.ranks;
  const ofOneWay = comesFromBothEnds ? order.microBatches / 2 : order.microBatches;
  const labelOf = (microBatch: number): string => String(microBatch % ofOneWay);
  const head = `rank ${order.ranks - 1}`.length + 2;
  const width = Math.max(20, options.columns - head);
  const perUnit = charactersPerUnit(times, String(ofOneWay - 1).length);
  const rows = times.cells.map((cells) => rowOf(cells, perUnit, labelOf));
  const length = Math.ceil(times.makespan * perUnit);
  const bands: string[] = [];
  for (let from = 0; from < length; from += width) {
    const scale = `${' '.repeat(head)}${(from / perUnit).toFixed(0)}`;
    const lines = rows.map((marks, rank) => {
      const shown = textOf(marks.slice(from, from + width), options.colour);
      return `${`rank ${rank}`.padEnd(head)}${shown}`.trimEnd();
    });
    bands.push([scale, ...lines].join('\n'));
  }
  const key = WORKS.map((work) => {
    return textOf(
      Array.from(`${LETTERS[work]} ${work}`).map((character) => ({ character, work })),
      options.colour,
    );
  }).join('   ');
  return `${bands.join('\n\n')}\n\n${key}\n`;
}

/** Charts of more cells, or of shorter ones than this share of the step, say less than their figures. */
const MOST_CELLS_DRAWN = 4000;
const LEAST_SHARE_DRAWN = 1 / 1000;

/** @returns the same of a run, from the times of each rank's first GPU, in ms; nothing where cells are too many or too short. */
export function runChart({ ranks, stages, microBatches, stepUs }: PipelineReport, options: ChartOptions): string {
  const cells = ranks.map((rank) =>
    rank.cells.map(({ startUs, endUs, parts }) => {
      return { cell: parts as Cell, start: startUs / 1000, end: endUs / 1000 };
    }),
  );
  const all = cells.flat();
  const shortest = all.reduce((least, { start, end }) => Math.min(least, end - start), Infinity);
  if (all.length > MOST_CELLS_DRAWN || shortest < (stepUs / 1000) * LEAST_SHARE_DRAWN) return '';
  const order = { ranks: ranks.length, stages, microBatches, stagesOfRank: ranks[0].stages };
  return pipelineChart(order, { cells, makespan: stepUs / 1000 }, options);
}
