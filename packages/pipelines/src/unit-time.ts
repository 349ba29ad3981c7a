import { InvariantError } from '@epemu/core';
import type { Cell, Part, PipelineOrder } from './cell.js';

/** How long cells take, in any unit; a chunk is what one stage does for one micro-batch. */
export interface UnitTimes {
  /** A forward chunk. */
  readonly F: number;
  /** A whole backward chunk. */
  readonly B: number;
  /** The part of a backward chunk that is for weights alone. */
  readonly W: number;
  /** A forward and a backward chunk that overlap each other. */
  readonly FB: number;
}

/** A cell with its time. */
export interface TimedCell {
  readonly cell: Cell;
  readonly start: number;
  readonly end: number;
}

/** A pipeline's step in units of time. */
export interface PipelineTimes {
  /** By rank. */
  readonly cells: readonly (readonly TimedCell[])[];
  readonly makespan: number;
  /** By rank: the time of the step in which it does nothing. */
  readonly bubbles: readonly number[];
  /** By rank: most chunks' activations that it holds at once, from a forward's start to the end of its backward. */
  readonly activations: readonly number[];
}

function durationOf(cell: Cell, { F, B, W, FB }: UnitTimes): number {
  if (cell.length === 2) return FB;
  return { forward: F, backward: B, 'backward for input': B - W, 'backward for weights': W }[cell[0].work];
}

/** When forwards and backwards of each stage and micro-batch have ended; NaN before. */
class Ends {
  readonly #microBatches: number;
  readonly #stages: number;
  readonly #forward: Float64Array;
  readonly #backward: Float64Array;

  constructor({ stages, microBatches }: PipelineOrder) {
    this.#stages = stages;
    this.#microBatches = microBatches;
    this.#forward = new Float64Array(stages * microBatches).fill(Number.NaN);
    this.#backward = new Float64Array(stages * microBatches).fill(Number.NaN);
  }

  /** @returns when what a part needs is there; NaN while it is not. */
  ready({ work, stage, microBatch }: Part): number {
    const at = (of: number): number => of * this.#microBatches + microBatch;
    if (work === 'forward') return stage === 0 ? 0 : this.#forward[at(stage - 1)];
    if (work === 'backward for weights') return this.#backward[at(stage)];
    const own = this.#forward[at(stage)];
    return stage === this.#stages - 1 ? own : Math.max(own, this.#backward[at(stage + 1)]);
  }

  note({ work, stage, microBatch }: Part, end: number): void {
    if (work === 'backward for weights') return;
    (work === 'forward' ? this.#forward : this.#backward)[stage * this.#microBatches + microBatch] = end;
  }
}

/** @returns most chunks of a rank that are between their forward and the end of all their backward. */
export function mostActivations(cells: readonly Cell[]): number {
  let held = 0;
  let most = 0;
  for (const cell of cells) {
    held += cell.filter(({ work }) => work === 'forward').length;
    most = Math.max(most, held);
    held -= cell.filter(({ work }) => work === 'backward' || work === 'backward for weights').length;
  }
  return most;
}

/**
 * Times a pipeline's order: a cell starts when its rank is free and what it needs is there; what is sent is there at once.
 * @throws InvariantError where ranks wait for each other.
 */
export function timePipeline(order: PipelineOrder, times: UnitTimes): PipelineTimes {
  const ends = new Ends(order);
  const cells = order.cells.map((): TimedCell[] => []);
  const free = order.cells.map(() => 0);
  let left = order.cells.reduce((sum, own) => sum + own.length, 0);
  while (left > 0) {
    const before = left;
    for (const [rank, own] of order.cells.entries()) {
      for (let next = own[cells[rank].length]; next !== undefined; next = own[cells[rank].length]) {
        const start = next.reduce((latest, part) => Math.max(latest, ends.ready(part)), free[rank]);
        if (Number.isNaN(start)) break;
        const end = start + durationOf(next, times);
        for (const part of next) ends.note(part, end);
        cells[rank].push({ cell: next, start, end });
        free[rank] = end;
        left--;
      }
    }
    if (left === before) throw new InvariantError(`the ranks of a pipeline wait for each other, ${left} cells to go`);
  }
  const makespan = Math.max(...free);
  const busy = cells.map((own) => own.reduce((sum, { start, end }) => sum + (end - start), 0));
  return {
    cells,
    makespan,
    bubbles: busy.map((time) => makespan - time),
    activations: order.cells.map(mostActivations),
  };
}
