import { expect } from 'chai';
import fc from 'fast-check';
import type { Analysis } from '../analysis.js';
import { DISPATCH, GEMM, analysed, analysedRanks, kernel, traceText } from '../trace.test-helper.js';
import type { Item } from '../trace.test-helper.js';

const GOOD: readonly Item[] = [kernel(GEMM, 7, 0, 10), kernel(DISPATCH, 27, 5, 10), kernel(GEMM, 7, 20, 10)];

describe('what stands beside the events', () => {
  const SMS = { deviceProperties: [{ name: 'GPU', numSms: 132 }] };

  it('counts as absent where it has another form', async () => {
    const wrong = [
      { distributedInfo: 7, deviceProperties: 'x', epemu: [1], baseTimeNanoseconds: '9' },
      { baseTimeNanoseconds: 1e300, bytes: { rdma: [[1, 'x']], nvlink: [3] } },
      { epemu: { rank: 0, operations: [1, null, { id: 'x' }], layerMarker: 5, ranks: -4, nodeSize: 0 } },
    ];
    const { analysis: plain } = await analysed({ 'a.json': traceText(undefined, GOOD) });
    for (const more of wrong) {
      const { analysis } = await analysed({ 'a.json': traceText(undefined, GOOD, more) });
      expect(analysis.timeline, JSON.stringify(more)).to.deep.equal(plain.timeline);
      expect(analysis.traffic, JSON.stringify(more)).to.equal(null);
    }
  });

  it('tells no bytes where one of them is none, and no more ranks than a matrix can have', async () => {
    const traffic = async (bytesTo: unknown, more: Item = {}): Promise<Analysis['traffic']> => {
      const epemu = { rank: 0, bytesTo };
      return (await analysed({ 'a.json': traceText(0, GOOD, { epemu, ...more }) })).analysis.traffic;
    };
    const bytesTo = { rdma: [0, 0, 0, 5], nvlink: [0, 7, 0, 0] };
    expect(await traffic(bytesTo)).to.include({ ranks: 4, rdmaBytes: 5, nvlinkBytes: 7 });
    expect(await traffic(bytesTo, { deviceProperties: [] })).to.include({ ranks: 4, nodeSize: 4, nodes: 1 });
    expect(await traffic({ rdma: [0, 'x', 5], nvlink: [0, 0, 0] })).to.equal(null);
    const distributedInfo = { rank: 0, world_size: Number.MAX_SAFE_INTEGER };
    expect(await traffic(bytesTo, { distributedInfo })).to.equal(null);
    const args = { 'In split size': '[1, 2]', dtype: 'BFloat16', 'Process Group Ranks': '[0, 4000000000]' };
    const { analysis } = await analysedRanks([[kernel('ncclDevKernel_SendRecv', 7, 0, 5, { args })]]);
    expect(analysis.traffic).to.equal(null);
  });

  it('divides SMs only where transfers tell their grids', async () => {
    const sms = async (grid: unknown): Promise<unknown> => {
      const args = { stream: 27, grid };
      const { analysis } = await analysedRanks([[kernel(DISPATCH, 27, 0, 5, { args })]], {}, SMS);
      return [analysis.communicationSms, analysis.computeSms];
    };
    expect(await sms([20, 1, 1])).to.deep.equal([20, 112]);
    for (const grid of [undefined, 'x', ['x', {}, null], {}, [0, 1, 1]]) {
      expect(await sms(grid), JSON.stringify(grid)).to.deep.equal([null, null]);
    }
  });

  it('never ends the analysis in another way than with a sentence', async () => {
    const odd = fc.oneof(
      fc.json().map((text) => JSON.parse(text) as unknown),
      fc.constantFrom(1e300, -1, 0, 1.5, '', null),
    );
    const event = fc.record(
      {
        ph: fc.constantFrom('X', 'b', 'e', 'M', 'B', 'i'),
        cat: fc.oneof(
          fc.constantFrom('kernel', 'network', 'user_annotation', 'gpu_user_annotation', 'cuda_runtime'),
          odd,
        ),
        name: fc.oneof(fc.constantFrom(GEMM, DISPATCH, 'cudaLaunchKernel', 'process_name'), odd),
        ...{ pid: odd, tid: odd, id: odd },
        ts: fc.oneof(fc.nat(100), odd),
        dur: fc.oneof(fc.nat(100), odd),
        args: fc.oneof(
          fc.dictionary(
            fc.constantFrom(
              'start ns',
              'end ns',
              'operation',
              'phase',
              'layer',
              'stream',
              'grid',
              'correlation',
              'name',
            ),
            odd,
          ),
          odd,
        ),
      },
      { requiredKeys: ['ph'] },
    );
    const metadata = fc.dictionary(
      fc.constantFrom('distributedInfo', 'deviceProperties', 'epemu', 'bytes', 'baseTimeNanoseconds'),
      fc.oneof(odd, fc.dictionary(fc.constantFrom('rank', 'world_size', 'operations', 'nodeSize', 'bytesTo'), odd)),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(event, { maxLength: 8 }), metadata, async (events, more) => {
        const files = { 'a.json': traceText(0, [...events], more), 'b.json': traceText(1, GOOD) };
        const { analysis } = await analysed(files);
        expect(analysis.ranks).to.be.at.least(1);
        expect(analysis.timeline.spanUs).to.be.within(0, Number.MAX_SAFE_INTEGER);
      }),
      { numRuns: 400 },
    );
  });
});
