import type { Cell, Part, PipelineOrder } from './cell.js';

/** One of the two ways by which micro-batches come through a rank: its stage there, and who comes. */
interface Way {
  readonly stage: number;
  readonly firstMicroBatch: number;
}

/** Cells of one rank as it makes them, each way's micro-batches in their order. */
class RankOrder {
  readonly cells: Cell[] = [];
  readonly #ways: readonly [Way, Way];
  readonly #forwards = [0, 0];
  readonly #backwards = [0, 0];
  /** Backwards for weights that are put off, oldest first. */
  readonly #putOff: Part[] = [];

  constructor(ways: readonly [Way, Way]) {
    this.#ways = ways;
  }

  forward(way: 0 | 1): void {
    this.cells.push([this.#part('forward', way, this.#forwards)]);
  }

  /** @param split whether the backward for weights is put off. */
  backward(way: 0 | 1, split = false): void {
    const part = this.#part(split ? 'backward for input' : 'backward', way, this.#backwards);
    this.cells.push([part]);
    if (split) this.#putOff.push({ ...part, work: 'backward for weights' });
  }

  weights(): void {
    this.cells.push([this.#putOff.shift()!]);
  }

  overlapped(forward: 0 | 1, backward: 0 | 1): void {
    this.cells.push([
      this.#part('forward', forward, this.#forwards),
      this.#part('backward', backward, this.#backwards),
    ]);
  }

  #part(work: Part['work'], way: 0 | 1, counts: number[]): Part {
    const { stage, firstMicroBatch } = this.#ways[way];
    return { work, stage, microBatch: firstMicroBatch + counts[way]++ };
  }
}

/**
 * The eight steps of DualPipe (DeepSeek-AI, github.com/deepseek-ai/DualPipe, 3da1bbe) for a rank that is `depth` ranks away
 * from the nearer end of `half` ranks, with `count` micro-batches on each of its ways.
 */
function rankOrder(ways: readonly [Way, Way], half: number, depth: number, count: number): readonly Cell[] {
  const order = new RankOrder(ways);
  const isInnermost = depth === half - 1;
  const outside = half - depth - 1;
  const times = (length: number, step: (i: number) => void): void => {
    for (let i = 0; i < length; i++) step(i);
  };
  times(outside * 2, () => {
    order.forward(0);
  });
  times(depth + 1, () => {
    order.forward(0);
    order.forward(1);
  });
  times(outside, () => {
    order.backward(1, true);
    order.weights();
    order.forward(1);
  });
  times(count - 2 * half + depth + 1, (i) => {
    if (i === 0 && isInnermost) {
      // Not overlapped: the neighbours would wait for the pair.
      order.forward(0);
      order.backward(1);
    } else {
      order.overlapped(0, 1);
    }
    order.overlapped(1, 0);
  });
  times(outside, () => {
    order.backward(1);
    order.overlapped(1, 0);
  });
  const turn = Math.floor((depth + 1) / 2);
  times(depth + 1, (i) => {
    order.backward(1, i > turn || (i === turn && depth % 2 === 1));
    order.backward(0, i >= turn);
  });
  times(outside, () => {
    order.weights();
    order.backward(0, true);
  });
  times(depth + 1, () => {
    order.weights();
  });
  return order.cells;
}

/** DualPipe: half of the micro-batches come from each end, and every rank holds a stage of both ways. */
export function dualPipe(ranks: number, microBatches: number): PipelineOrder {
  const count = microBatches / 2;
  const cells = Array.from({ length: ranks }, (_, rank) => {
    const down: Way = { stage: rank, firstMicroBatch: 0 };
    const up: Way = { stage: ranks - 1 - rank, firstMicroBatch: count };
    const isUpperHalf = rank < ranks / 2;
    return rankOrder(isUpperHalf ? [down, up] : [up, down], ranks / 2, Math.min(rank, ranks - 1 - rank), count);
  });
  return { ranks, stages: ranks, microBatches, cells, stagesOfRank: 2 };
}

/** DualPipeV: twice as many stages as ranks, which every micro-batch goes through down the ranks and back up. */
export function dualPipeV(ranks: number, microBatches: number): PipelineOrder {
  const stages = ranks * 2;
  const cells = Array.from({ length: ranks }, (_, rank) => {
    const down: Way = { stage: rank, firstMicroBatch: 0 };
    const up: Way = { stage: stages - 1 - rank, firstMicroBatch: 0 };
    return rankOrder([down, up], ranks, rank, microBatches);
  });
  return { ranks, stages, microBatches, cells, stagesOfRank: 2 };
}
