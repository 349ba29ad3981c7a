import { memoryOfRoles, pipelineOf } from '@epemu/config';
import type { Configuration, ResolvedPipeline } from '@epemu/config';
import { largest, mean, microseconds, smallest } from '@epemu/core';
import { closedForm } from '@epemu/pipelines';
import type { Cell, Part } from '@epemu/pipelines';
import type { Program } from '@epemu/schedule';
import type { KernelColumns } from '@epemu/timeline';

/** What cells of a kind are called, as published formulas have it: input and weights are the two parts of a backward. */
export const CELL_KINDS = ['F', 'B', 'input', 'W', 'FB'] as const;
export type CellKind = (typeof CELL_KINDS)[number];

/** A cell of a rank of the pipeline as its GPUs did it. */
export interface EmulatedCell {
  readonly startUs: number;
  readonly endUs: number;
  readonly parts: readonly Part[];
}

/** A rank of the pipeline, that is an EP group: what it did and holds, beside what is published of the schedule. */
export interface PipelineRank {
  readonly name: string;
  /** Of the step, mean over its GPUs: when none of its cells runs. */
  readonly bubbleUs: number;
  /** Stages whose parameters it holds, and most stages' activations that it keeps at once. */
  readonly stages: number;
  readonly activations: number;
  /** GB of 10⁹ bytes on a GPU: weights, and what is kept for the way back. */
  readonly parametersGB: number;
  readonly activationsGB: number;
  /** Of its first GPU. */
  readonly cells: readonly EmulatedCell[];
}

/** `pipeline` in report.json. */
export interface PipelineReport {
  readonly schedule: string;
  readonly groupSize: number;
  readonly stages: number;
  readonly microBatches: number;
  /** From the first kernel of any GPU to the last of any. */
  readonly stepUs: number;
  /** Mean time of cells by kind; null where there are none. */
  readonly cellUs: Readonly<Record<CellKind, number | null>>;
  /** The closed form with these times: a rank's bubble, and what it holds. */
  readonly published: {
    readonly formula: string;
    readonly bubbleUs: number;
    readonly activations: number;
    readonly source: string;
  };
  readonly ranks: readonly PipelineRank[];
}

function kindOf(cell: Cell): CellKind {
  if (cell.length === 2) return 'FB';
  const kinds = { forward: 'F', backward: 'B', 'backward for input': 'input', 'backward for weights': 'W' } as const;
  return kinds[cell[0].work];
}

/** When a GPU began and ended its cells; where one ends behind the next one's start, the time in common is the first one's. */
interface CellTimes {
  readonly startNs: Float64Array;
  readonly endNs: Float64Array;
}

/** Sums what the GPUs of a pipeline did, cell by cell. */
export class PipelineFigures {
  readonly #configuration: Configuration;
  readonly #pipeline: ResolvedPipeline;
  /** By operation: index of its cell among those of its rank; −1 of what waits for, or sends to, another stage. */
  readonly #cellOf: Int32Array;
  readonly #roleOf: Int32Array;
  /** By rank of the pipeline: its GPUs' cells, in their order. */
  readonly #times: CellTimes[][];

  /** @returns nothing where a run is no pipeline. */
  static of(configuration: Configuration, program: Program): PipelineFigures | undefined {
    const pipeline = pipelineOf(configuration);
    return pipeline === undefined ? undefined : new PipelineFigures(configuration, program, pipeline);
  }

  private constructor(configuration: Configuration, { operations }: Program, pipeline: ResolvedPipeline) {
    this.#configuration = configuration;
    this.#pipeline = pipeline;
    const [{ first, last }] = pipeline.stages;
    const rows = last - first + 1;
    this.#cellOf = Int32Array.from(operations, ({ row, peerRole }) =>
      peerRole === undefined ? Math.floor(row / rows) : -1,
    );
    this.#roleOf = Int32Array.from(operations, ({ role }) => role);
    this.#times = pipeline.order.cells.map(() => []);
  }

  /** Takes in the kernels of a GPU, ascending by start. */
  add({ count, operation, startNs, endNs }: KernelColumns): void {
    if (count === 0) return;
    const role = this.#roleOf[operation[0]];
    const { length } = this.#pipeline.order.cells[role];
    const starts = new Float64Array(length).fill(Infinity);
    const ends = new Float64Array(length).fill(-Infinity);
    for (let row = 0; row < count; row++) {
      const cell = operation[row] < 0 ? -1 : this.#cellOf[operation[row]];
      if (cell < 0) continue;
      starts[cell] = Math.min(starts[cell], startNs[row]);
      ends[cell] = Math.max(ends[cell], endNs[row]);
    }
    for (let cell = 1; cell < length; cell++) {
      starts[cell] = Math.max(starts[cell], ends[cell - 1]);
      ends[cell] = Math.max(ends[cell], starts[cell]);
    }
    this.#times[role].push({ startNs: starts, endNs: ends });
  }

  /** @returns undefined where GPUs are missing. */
  result(): PipelineReport | undefined {
    const { pipeline, ranks, schedule } = this.#configuration;
    const { order, stages } = this.#pipeline;
    if (pipeline === undefined || this.#times.flat().length !== ranks) return undefined;
    const begunNs = smallest(this.#times.flat().map(({ startNs }) => startNs[0]));
    const stepNs = largest(this.#times.flat().map(({ endNs }) => endNs[endNs.length - 1])) - begunNs;
    const cellUs = this.#cellTimes();
    const { F, B, input, W, FB } = cellUs;
    const { microBatches } = schedule;
    const known = (time: number | null): number => time ?? 0;
    const unit = { F: known(F), B: B ?? known(input) + known(W), W: known(W), FB: known(FB) };
    const { formula, bubble, activations, source } = closedForm({ ...pipeline, microBatches }, unit);
    const memory = memoryOfRoles(this.#configuration);
    return {
      schedule: pipeline.schedule,
      groupSize: ranks / pipeline.ranks,
      stages: stages.length,
      microBatches,
      stepUs: microseconds(stepNs),
      cellUs,
      published: { formula, bubbleUs: Number(bubble.toFixed(1)), activations, source },
      ranks: this.#times.map((gpus, rank) => {
        const { name, parametersGB, activationsGB, chunks } = memory[rank];
        const idle = gpus.map(({ startNs, endNs }) => stepNs - startNs.reduce((sum, at, i) => sum + endNs[i] - at, 0));
        const cells = order.cells[rank].map((parts, i) => ({
          startUs: microseconds(gpus[0].startNs[i] - begunNs),
          endUs: microseconds(gpus[0].endNs[i] - begunNs),
          parts,
        }));
        const held = { stages: order.stagesOfRank, activations: chunks, parametersGB, activationsGB };
        return { name, bubbleUs: microseconds(mean(idle)), ...held, cells };
      }),
    };
  }

  #cellTimes(): Record<CellKind, number | null> {
    const all = new Map<CellKind, number[]>(CELL_KINDS.map((kind) => [kind, []]));
    this.#times.forEach((gpus, rank) => {
      this.#pipeline.order.cells[rank].forEach((cell, i) => {
        for (const { startNs, endNs } of gpus) all.get(kindOf(cell))!.push(endNs[i] - startNs[i]);
      });
    });
    const meanOf = (kind: CellKind): number | null => {
      const times = all.get(kind)!;
      return times.length === 0 ? null : microseconds(mean(times));
    };
    return { F: meanOf('F'), B: meanOf('B'), input: meanOf('input'), W: meanOf('W'), FB: meanOf('FB') };
  }
}
