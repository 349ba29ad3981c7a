import { expect } from 'chai';
import { PIPELINE_SCHEDULES, pipelineOrder } from './schedules.js';
import { heldStages, stageCount } from './stages.js';

describe('the stages of a pipeline', () => {
  for (const schedule of PIPELINE_SCHEDULES) {
    it(`are those that the cells of ${schedule} are of, rank by rank`, () => {
      for (const ranks of [2, 4, 6]) {
        const chunks = schedule === 'interleaved-1f1b' ? 3 : 1;
        const order = pipelineOrder({ schedule, ranks, chunks, microBatches: ranks * 2 });
        expect(stageCount({ schedule, ranks, chunks })).to.equal(order.stages);
        order.cells.forEach((cells, rank) => {
          const worked = new Set(cells.flat().map(({ stage }) => stage));
          const held = heldStages({ schedule, ranks, chunks }, rank);
          expect(held).to.deep.equal([...worked].sort((a, b) => a - b));
          expect(held).to.have.length(order.stagesOfRank);
        });
      }
    });
  }
});
