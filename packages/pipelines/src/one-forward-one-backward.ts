import type { Cell, PipelineOrder } from './cell.js';

/**
 * Interleaved 1F1B: each rank holds `chunks` stages, a pipeline's length apart, and works on them in turns of as many
 * micro-batches as there are ranks (Narayanan et al. 2021, arXiv 2104.04473, 2.2); with one chunk it is 1F1B itself, whose
 * ranks begin to go backward as soon as they can and then alternate.
 */
export function oneForwardOneBackward(ranks: number, microBatches: number, chunks: number): PipelineOrder {
  const total = microBatches * chunks;
  const cells = Array.from({ length: ranks }, (_, rank) => {
    /** The n-th chunk and micro-batch that a rank works on, chunks in rising order. */
    const nth = (n: number): { chunk: number; microBatch: number } => {
      if (chunks === 1) return { chunk: 0, microBatch: n };
      const turn = Math.floor(n / (ranks * chunks));
      const inTurn = n % (ranks * chunks);
      return { chunk: Math.floor(inTurn / ranks), microBatch: turn * ranks + (inTurn % ranks) };
    };
    const forward = (n: number): Cell => {
      const { chunk, microBatch } = nth(n);
      return [{ work: 'forward', stage: chunk * ranks + rank, microBatch }];
    };
    const backward = (n: number): Cell => {
      const { chunk, microBatch } = nth(n);
      return [{ work: 'backward', stage: (chunks - 1 - chunk) * ranks + rank, microBatch }];
    };
    const ahead = chunks === 1 ? ranks - rank - 1 : (ranks - rank - 1) * 2 + (chunks - 1) * ranks;
    const warmUp = Math.min(ahead, total);
    const order: Cell[] = [];
    for (let n = 0; n < warmUp; n++) order.push(forward(n));
    for (let n = 0; n < total; n++) {
      if (n + warmUp < total) order.push(forward(n + warmUp));
      order.push(backward(n));
    }
    return order;
  });
  return { ranks, stages: ranks * chunks, microBatches, cells, stagesOfRank: chunks };
}
