import { BadInputError } from '@epemu/core';
import { loadHardware, loadModel } from '@epemu/presets';
import type { ModelPreset, TileRate } from '@epemu/presets';
import { expect } from 'chai';
import { builtInKernelLists, parseKernelLists } from './catalogue.js';
import type { KernelLists } from './entry.js';
import { KernelCatalogue } from './list.js';
import type { PhaseKernel } from './list.js';

const HARDWARE = loadHardware('h800');
const MODEL = loadModel('deepseek-v3');

function catalogueOf(
  ranks: number,
  lists: KernelLists = builtInKernelLists(MODEL),
  model: ModelPreset = MODEL,
): KernelCatalogue {
  return new KernelCatalogue(HARDWARE, lists, {
    ...{ model, ranks, expertRanks: ranks, nodeSize: 8, gpuSms: 132, computeSms: 112, communicationSms: 20 },
    ...{ dispatchBytes: 7392, combineBytes: 14_336 },
  });
}

/** A list of one kernel, as a user may write it. */
function listOf(changes: Record<string, unknown>): KernelLists {
  const entry = { name: 'k', category: 'k', kind: 'elementwise', bytes: 'tokens', grid: [1, 1, 1], block: [1, 1, 1] };
  return parseKernelLists({ mine: [{ ...entry, ...changes }] });
}

describe('the kernels of training', () => {
  const catalogue = catalogueOf(64);
  const grids = (list: string): string[] =>
    catalogue.kernels(list).map((kernel) => kernel.grid(4096, 8_390_656).join(' '));

  it('are as many in each phase as the published trace has, in cell 1', () => {
    const lists = ['attn(F)', 'mlp(B)', 'mlp(W)', 'mlp(F)', 'attn(B)', 'attn(W)'];
    expect(lists.map((list) => catalogue.kernels(list).length)).to.deep.equal([69, 29, 12, 19, 101, 5]);
    const collectives = ['combine(B)', 'dispatch(F)', 'dispatch(B)', 'combine(F)'];
    expect(collectives.map((list) => catalogue.kernels(list).length)).to.deep.equal([3, 3, 2, 2]);
  });

  it('fill 112 SMs with matrix products and 20 with collectives', () => {
    const gemms = (['attn(F)', 'mlp(B)', 'attn(W)'] as const).flatMap((list) =>
      catalogue.kernels(list).filter(({ kind }) => kind.endsWith('gemm-fp8')),
    );
    for (const kernel of gemms) {
      const [x, y, z] = kernel.grid(4096, 8_390_656);
      expect(x * y * z).to.equal(112);
    }
    expect(grids('combine(F)')).to.deep.equal(['20 1 1', '20 1 1']);
    expect(grids('dispatch(F)')[1], 'a block for each node and one more').to.equal('9 1 1');
  });

  it('have a weight-gradient product for each expert, every second on stream 23, forked and joined by casts', () => {
    const shown = (kernels: readonly PhaseKernel[]): string[] =>
      kernels.map(({ label, stream, after }) => `${label ?? ''} ${stream ?? 'own'} ${after ?? ''}`.trim());
    expect(shown(catalogue.kernels('mlp(W)'))).to.deep.equal([
      'shared w2 wgrad own',
      'w2 operands own',
      'routed w2 wgrad own',
      'routed w2 wgrad 23 1',
      'routed w2 wgrad own',
      'routed w2 wgrad 23 1',
      'w13 operands own 5',
      'routed w13 wgrad own',
      'routed w13 wgrad 23 6',
      'routed w13 wgrad own',
      'routed w13 wgrad 23 6',
      'shared w13 wgrad own 10',
    ]);
    expect(catalogueOf(16).kernels('mlp(W)'), '16 experts a rank').to.have.lengthOf(4 + 2 * 16);
  });

  it('read the weights of all experts of a rank, which bind where rows are few', () => {
    const kernel = catalogue.kernels('mlp(F)').find(({ label }) => label === 'routed w13')!;
    const sizes = catalogue.sizesOf({ tokens: 1, attentionPairs: 0, rowsOfExperts: [1, 1, 1, 1], receivedTokens: 4 });
    const { memoryGBps } = HARDWARE.kernels['grouped-gemm-fp8'] as TileRate;
    expect(kernel.durationNs(sizes, 112)).to.be.at.least((4 * 4096 * 7168) / memoryGBps);
  });

  it('take longer for the expert with more rows, and for no other', () => {
    const kernels = catalogue.kernels('mlp(W)').filter(({ label }) => label === 'routed w2 wgrad');
    const times = (rowsOfExperts: number[]): number[] => {
      const sizes = catalogue.sizesOf({ tokens: 4096, attentionPairs: 0, rowsOfExperts, receivedTokens: 30_000 });
      return kernels.map((kernel) => kernel.durationNs(sizes, 112));
    };
    const [even, uneven] = [times([8192, 8192, 8192, 8192]), times([8192, 8192, 9216, 8192])];
    expect(uneven.map((ns, i) => ns > even[i])).to.deep.equal([false, false, true, false]);
    expect(uneven.filter((_, i) => i !== 2)).to.deep.equal(even.filter((_, i) => i !== 2));
  });
});

describe('kernel lists', () => {
  it('leave out what a model has no use for', () => {
    const bare = { ...MODEL, sharedExperts: 0 };
    expect(catalogueOf(64, builtInKernelLists(bare), bare).kernels('prefill-SHARED')).to.deep.equal([]);
    expect(catalogueOf(64, builtInKernelLists(bare), bare).kernels('mlp(F)')).to.have.lengthOf(19 - 6);
  });

  it('know which kernels follow the rows that experts receive', () => {
    const follows = (list: string): boolean[] =>
      catalogueOf(64)
        .kernels(list)
        .map(({ followsRows }) => followsRows);
    expect(follows('decode-MLP')).to.deep.equal([true, true, true]);
    expect(follows('attn(F)')).not.to.include(true);
  });

  it('of a user may use every size', () => {
    const kernels = catalogueOf(64, listOf({ bytes: 'tokens * hidden * 2' })).kernels('mine');
    const sizes = catalogueOf(64).sizesOf({ tokens: 10, attentionPairs: 0, rowsOfExperts: [], receivedTokens: 0 });
    expect(kernels[0].shape(sizes).bytes).to.equal(143_360);
  });

  it('are refused with a kind without rate, without the shape of its kind, or with a wrong key', () => {
    const refusal = (changes: Record<string, unknown>): string => {
      try {
        catalogueOf(64, listOf(changes)).kernels('mine')[0]?.grid(8, 8);
      } catch (error) {
        if (error instanceof BadInputError) return error.message;
      }
      return 'accepted';
    };
    expect(refusal({ kind: 'warp-drive' })).to.match(
      /^kernels\.mine\.0\.kind is warp-drive, which .* h800 has no rate/,
    );
    expect(refusal({ kind: 'gemm-fp8', m: 1 })).to.match(/^kernels\.mine\.0 is of kind gemm-fp8.* has no n; add it$/);
    expect(refusal({ bytes: 'tokens * rows' })).to.match(/^kernels\.mine\.0\.bytes is .* no size rows; use hidden, /);
    expect(refusal({ bytes: 'tokens / (experts - 256)' })).to.match(
      /^kernels\.mine\.0 comes to Infinity bytes; that must/,
    );
    expect(refusal({ bytes: '0 - tokens' })).to.match(/^kernels\.mine\.0 comes to -8 bytes; /);
    expect(refusal({ repeat: 1.5 })).to.match(/^kernels\.mine\.0\.repeat is 1\.5, but it must be a whole number/);
    expect(refusal({ after: 'nobody' })).to.match(/^kernels\.mine\.0\.after is nobody, which no earlier kernel/);
    expect(refusal({ when: 'tokens' })).to.match(
      /^kernels\.mine\.0\.when is "tokens"; there is no size tokens; use hidden/,
    );
    expect(refusal({ block: ['tokens', 1, 1] })).to.match(/^kernels\.mine\.0\.block\.0 is "tokens"; there is no size/);
    expect(refusal({ block: [0, 1, 1] })).to.match(/^kernels\.mine\.0\.block\.0 comes to 0; it must be a whole number/);
    expect(refusal({ grid: ['1/0', 1, 1] })).to.match(/^kernels\.mine\.0\.grid\.0 comes to Infinity; it must/);
    expect(refusal({ bytes: '1e300' })).to.match(/^kernels\.mine\.0, of kind elementwise, would take .* too extreme$/);
    expect(refusal({ colour: 'red' })).to.match(/^kernels\.mine\.0 is wrong: /);
    expect(refusal({})).to.equal('accepted');
  });
});
