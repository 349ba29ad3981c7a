import { expect } from 'chai';
import type { Analysis } from '../analysis.js';
import { GEMM, analysedRanks, kernel } from '../trace.test-helper.js';
import type { Item } from '../trace.test-helper.js';

const LATE_US = 5000;
const BYTES_US = 100;

/** Steps of a rank that computes so long, and then communicates until so long after the last rank's arrival. */
function steps(name: string, computeUs: number): Item[] {
  return [0, 10_000, 20_000].flatMap((at) => [
    kernel(GEMM, 7, at, computeUs),
    kernel(name, 20, at + computeUs, 100 + LATE_US + BYTES_US - computeUs),
    kernel('gemm2_kernel', 7, at + 100 + LATE_US + BYTES_US, 300),
  ]);
}

const causes = ({ exposedCauses }: Analysis): (string | number | null)[][] =>
  exposedCauses.map(({ waitsFor, us, longest }) => [waitsFor, us, longest.rank, longest.us, longest.lastRank]);
const two = { distributedInfo: undefined };

describe('exposed communication of kernels that wait and move bytes', () => {
  for (const name of [
    'ncclDevKernel_SendRecv(ncclDevKernelArgsStorage<4096ul>)',
    'ncclDevKernel_AllReduce_Sum_bf16_RING_LL(x)',
    'void vllm::cross_device_reduce_1stage<__nv_bfloat16, 2>(x)',
    'void deep_ep::intranode::combine<__nv_bfloat16, 2>(x)',
    'void deep_ep::internode_ll::dispatch<true, false, 7168>(x)',
  ]) {
    it(`is waiting until the last rank has come, and bytes from then on: ${name.slice(0, 50)}`, async () => {
      const { analysis } = await analysedRanks([steps(name, 100), steps(name, 100 + LATE_US)], {}, {});
      expect(causes(analysis)).to.deep.equal([
        ['ranks', (3 * LATE_US) / 2, 0, LATE_US, 1],
        ['transfer', 3 * BYTES_US, 0, BYTES_US, null],
      ]);
      const [longest] = analysis.exposed;
      expect(longest).to.include({ rank: 0, waitsFor: 'ranks', us: LATE_US, lastRank: 1, startUs: 100 });
      const us = analysis.exposed.reduce((sum, piece) => sum + piece.us, 0);
      expect(us).to.equal(2 * analysis.timeline.exposedCommUs);
    });
  }

  it('is either where one rank of several is there, and bytes where there is no other', async () => {
    const events = steps('ncclDevKernel_AllReduce_Sum_bf16_RING_LL(x)', 100);
    const distributedInfo = { rank: 0, world_size: 8 };
    const { analysis } = await analysedRanks([events], {}, { distributedInfo });
    expect(causes(analysis)).to.deep.equal([['unknown', 3 * (LATE_US + BYTES_US), 0, LATE_US + BYTES_US, null]]);
    const { analysis: alone } = await analysedRanks([events]);
    expect(causes(alone)).to.deep.equal([['transfer', 3 * (LATE_US + BYTES_US), 0, LATE_US + BYTES_US, null]]);
  });

  it('is told of a job whose size no file says as of one with other ranks', async () => {
    const { analysis } = await analysedRanks([steps('ncclDevKernel_AllGather_RING_LL(x)', 100)], {}, two);
    expect(analysis.exposedCauses.map(({ waitsFor }) => waitsFor)).to.deep.equal(['unknown']);
  });
});
