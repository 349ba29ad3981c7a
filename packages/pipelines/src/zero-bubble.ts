import type { Cell, PipelineOrder } from './cell.js';

/**
 * ZB1P, the zero-bubble schedule of 1F1B's memory (Qi et al. 2023, arXiv 2401.10241, ZB-H1): the backward for weights is a part
 * of its own, which rank r puts off by r micro-batches and makes up for where others would wait.
 */
export function zeroBubble(ranks: number, microBatches: number): PipelineOrder {
  const cells = Array.from({ length: ranks }, (_, rank) => {
    const order: Cell[] = [];
    const warmUp = Math.min(ranks - rank - 1, microBatches);
    for (let n = 0; n < warmUp; n++) order.push([{ work: 'forward', stage: rank, microBatch: n }]);
    for (let n = 0; n < microBatches; n++) {
      if (n + warmUp < microBatches) order.push([{ work: 'forward', stage: rank, microBatch: n + warmUp }]);
      order.push([{ work: 'backward for input', stage: rank, microBatch: n }]);
      if (n >= rank) order.push([{ work: 'backward for weights', stage: rank, microBatch: n - rank }]);
    }
    for (let n = Math.max(0, microBatches - rank); n < microBatches; n++) {
      order.push([{ work: 'backward for weights', stage: rank, microBatch: n }]);
    }
    return order;
  });
  return { ranks, stages: ranks, microBatches, cells, stagesOfRank: 1 };
}
