import { expect } from 'chai';
import { pairedKernels, pairedPhases } from './match.js';
import type { SideKernel, SidePhase } from './side.js';

function kernel(name: string, category = 'gemm', kernelClass: SideKernel['class'] = 'compute'): SideKernel {
  return { name, class: kernelClass, category, count: 1, totalUs: 10 };
}

function phase(name: string, kind: SidePhase['kind'] = 'computation'): SidePhase {
  return { name, stream: 7, kind, count: 1, meanUs: 1, computeUs: 1, exposedUs: 0 };
}

function pairs(a: readonly string[], b: readonly string[]): (string | null)[][] {
  return pairedKernels(
    a.map((name) => kernel(name)),
    b.map((name) => kernel(name)),
  ).map((pair) => [pair.a?.name ?? null, pair.b?.name ?? null]);
}

describe('matching of kernels', () => {
  it('is blind to libraries, templates and parameters', () => {
    const captured = [
      'void dpsk::ep::internode::dispatch<false, 8, true, 8>(int4*, float*)',
      'void cuda::cast<int>(int)',
    ];
    const emulated = ['cuda::cast', 'ncclKernel_AllToAllv deep_ep::internode::dispatch'];
    expect(pairs(captured, emulated)).to.deep.equal([
      ['internode::dispatch', 'internode::dispatch'],
      ['cuda::cast', 'cuda::cast'],
    ]);
  });

  it('takes a function in another namespace for the same where its own name says what it does', () => {
    expect(
      pairs(['void dpsk::ep::cuda::get_dispatch_layout<256>(int)'], ['deep_ep::layout::get_dispatch_layout']),
    ).to.deep.equal([['cuda::get_dispatch_layout', 'layout::get_dispatch_layout']]);
    const [one, other] = ['fp8_a::GemmKernel', 'fp8_b::GemmKernel'];
    expect(pairs([one], [other])).to.deep.equal([
      [one, null],
      [null, other],
    ]);
  });

  it('sums what a trace names apart by template arguments alone', () => {
    const [{ a, b }] = pairedKernels([kernel('void a::f<1>(int)'), kernel('void a::f<2>(int)')], [kernel('a::f')]);
    expect([a?.totalUs, a?.count, b?.totalUs]).to.deep.equal([20, 2, 10]);
  });

  it('takes halves of a low-latency collective together, which not all traces have names for', () => {
    const category = (half: string): string => `dispatch ${half}`;
    const halves = (names: readonly string[]): SideKernel[] =>
      names.map((name, index) => kernel(name, category(['send', 'receive'][index]), 'communication'));
    const emulated = halves(
      ['dispatch_send', 'dispatch_recv'].map((name) => `ncclKernel_A deep_ep::internode_ll::${name}`),
    );
    const traced = 'void deep_ep::internode_ll::dispatch<true>(int)';
    const whole = [{ ...kernel(traced, 'dispatch', 'communication'), totalUs: 25 }];
    for (const other of [halves([`${traced} [send]`, `${traced} [receive]`]), whole]) {
      const found = pairedKernels(emulated, other);
      const totals = found.map(({ a, b }) => [a?.name, a?.category, a?.totalUs, b?.category]);
      expect(totals).to.deep.equal([['internode_ll::dispatch', 'dispatch', 20, 'dispatch']]);
    }
  });

  it('leaves copies and fills as they are named', () => {
    const copy = kernel('Memcpy DtoD (Device -> Device)', 'copy and fill', 'memory');
    const fill = kernel('Memset (Device)', 'copy and fill', 'memory');
    const found = pairedKernels([copy, fill], [fill, copy]);
    expect(found.map(({ a, b }) => [a?.name, b?.name])).to.deep.equal([
      [copy.name, copy.name],
      [fill.name, fill.name],
    ]);
  });

  it('keeps what counts as communication apart from what computes', () => {
    const found = pairedKernels([kernel('x::f')], [kernel('x::f', 'dispatch', 'communication')]);
    expect(found.map((pair) => [pair.a === null, pair.b === null])).to.deep.equal([
      [false, true],
      [true, false],
    ]);
  });
});

describe('matching of phases', () => {
  const names = (a: readonly SidePhase[], b: readonly SidePhase[]): (string | undefined)[][] =>
    pairedPhases(a, b).map((pair) => [pair.a?.name, pair.b?.name]);

  it('ignores case and spaces where that leaves no doubt', () => {
    expect(names([phase('MLP(0)'), phase('wait  X')], [phase('wait x'), phase('mlp(0)')])).to.deep.equal([
      ['MLP(0)', 'mlp(0)'],
      ['wait  X', 'wait x'],
    ]);
    expect(names([phase('mlp')], [phase('MLP'), phase('Mlp')])).to.deep.equal([
      ['mlp', undefined],
      [undefined, 'MLP'],
      [undefined, 'Mlp'],
    ]);
  });

  it('keeps a background transfer apart from a phase of its name', () => {
    expect(names([phase('DISPATCH(0)', 'network')], [phase('DISPATCH(0)', 'communication')])).to.deep.equal([
      ['DISPATCH(0)', undefined],
      [undefined, 'DISPATCH(0)'],
    ]);
  });
});
