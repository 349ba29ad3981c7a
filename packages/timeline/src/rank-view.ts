import type { KernelDescription, Operation, Program } from '@epemu/schedule';
import { mergeIntervals, unite } from './intervals.js';
import type { Intervals } from './intervals.js';
import { overlapFigures } from './overlap-figures.js';
import type { OverlapFigures, TimeWindow } from './overlap-figures.js';
import type { RankTimeline } from './record.js';

/** A rank's figures with background transfers counted as communication, and without (as HTA reads them). */
export interface RankFigures extends OverlapFigures {
  readonly kernelsOnly: OverlapFigures;
}

/** @returns the least of the values, +∞ of none. Never by spreading them: a rank has thousands. */
export function smallest(values: Iterable<number>): number {
  let least = Number.POSITIVE_INFINITY;
  for (const value of values) if (value < least) least = value;
  return least;
}

/** @returns the greatest of the values, −∞ of none. */
export function largest(values: Iterable<number>): number {
  let most = Number.NEGATIVE_INFINITY;
  for (const value of values) if (value > most) most = value;
  return most;
}

/** Streams that run collectives and no compute phase; none where collectives share the compute stream. */
export function communicationStreams(program: Program): Set<number> {
  const streams = new Set<number>();
  for (const operation of program.operations) if (operation.kind === 'collective') streams.add(operation.stream);
  for (const operation of program.operations) if (operation.kind === 'compute') streams.delete(operation.stream);
  return streams;
}

/** @returns whether a kernel copies or fills: HTA counts such neither as computation nor as communication. */
export function isCopy({ category }: KernelDescription): boolean {
  return /^(?:memcpy|memset)/.test(category);
}

/** What one operation did on one rank. */
export interface Instance extends TimeWindow {
  readonly operation: Operation;
  /** Rows of the timeline's events. */
  readonly events: readonly number[];
}

/** A rank's timeline, merged by type. */
export class RankView {
  readonly timeline: RankTimeline;
  readonly compute: Intervals;
  /** Copies and fills: HTA counts them neither as computation nor as communication. */
  readonly memory: Intervals;
  readonly kernelComm: Intervals;
  readonly windows: Intervals;
  readonly instances: readonly Instance[];
  readonly #stream: Intervals | undefined;
  readonly #program: Program;
  readonly #operations: ReadonlyMap<number, Operation>;

  constructor(timeline: RankTimeline, program: Program, operations: ReadonlyMap<number, Operation>) {
    this.timeline = timeline;
    this.#program = program;
    this.#operations = operations;
    const kernel = timeline.events.column('kernel');
    const stream = timeline.events.column('stream');
    const streams = communicationStreams(program);
    const isMemory = (row: number): boolean => isCopy(program.kernels[kernel[row]]);
    this.compute = this.#merge((row) => program.kernels[kernel[row]].class === 'compute' && !isMemory(row));
    this.memory = this.#merge(isMemory);
    this.kernelComm = this.#merge((row) => program.kernels[kernel[row]].class === 'communication');
    this.#stream = streams.size === 0 ? undefined : this.#merge((row) => streams.has(stream[row]));
    this.windows = mergeIntervals(timeline.windows.column('startNs'), timeline.windows.column('endNs'));
    this.instances = this.#instances();
  }

  #merge(belongs: (row: number) => boolean): Intervals {
    const { events } = this.timeline;
    const rows = Array.from({ length: events.count }, (_, row) => row).filter(belongs);
    const [starts, ends] = [events.column('startNs'), events.column('endNs')];
    return mergeIntervals(
      rows.map((row) => starts[row]),
      rows.map((row) => ends[row]),
    );
  }

  #instances(): Instance[] {
    const { events } = this.timeline;
    const [operation, starts, ends] = [events.column('operation'), events.column('startNs'), events.column('endNs')];
    const rows = new Map<number, number[]>();
    operation.forEach((id, row) => {
      const list = rows.get(id);
      if (list === undefined) rows.set(id, [row]);
      else list.push(row);
    });
    return [...rows]
      .sort(([a], [b]) => a - b)
      .map(([id, list]) => ({
        operation: this.operation(id),
        events: list,
        startNs: smallest(list.map((row) => starts[row])),
        endNs: largest(list.map((row) => ends[row])),
      }));
  }

  operation(id: number): Operation {
    return this.#operations.get(id)!;
  }

  /** Starts of the layers, ascending, with the operation that marks each. */
  layerStarts(): Instance[] {
    return this.instances
      .filter(({ operation }) => operation.phase === this.#program.layerMarker)
      .sort((a, b) => a.startNs - b.startNs);
  }

  figures(withWindows: boolean, window?: TimeWindow): OverlapFigures {
    const communication = withWindows ? unite(this.kernelComm, this.windows) : this.kernelComm;
    const stream = this.#stream !== undefined && withWindows ? unite(this.#stream, this.windows) : this.#stream;
    const { windows } = this.timeline;
    const walls = this.instances.map(({ startNs, endNs }): TimeWindow => ({ startNs, endNs }));
    if (withWindows) {
      const ends = windows.column('endNs');
      windows.column('startNs').forEach((startNs, row) => walls.push({ startNs, endNs: ends[row] }));
    }
    return overlapFigures({ compute: this.compute, communication, memory: this.memory, stream, walls }, window);
  }
}

/** @returns the program's operations by id. */
export function operationsById(program: Program): Map<number, Operation> {
  return new Map(program.operations.map((operation) => [operation.id, operation]));
}

/**
 * Overlap figures of one rank.
 * @param window clips everything to a part of the timeline; without it the rank's own first start to last end.
 */
export function rankFigures(timeline: RankTimeline, program: Program, window?: TimeWindow): RankFigures {
  const view = new RankView(timeline, program, operationsById(program));
  return { ...view.figures(true, window), kernelsOnly: view.figures(false, window) };
}
