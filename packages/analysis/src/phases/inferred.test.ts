import { expect } from 'chai';
import fc from 'fast-check';
import { COMBINE, DISPATCH, GEMM, NOTIFY, analysedRanks, kernel } from '../trace.test-helper.js';
import type { Item } from '../trace.test-helper.js';
import { periodOf } from './inferred.js';

/** A layer as a training trace has it: two dispatches and two combines, compute beside each. */
function layer(at: number): Item[] {
  return [
    kernel(NOTIFY, 27, at, 5),
    kernel(DISPATCH, 27, at + 5, 20),
    kernel(GEMM, 7, at + 2, 20),
    kernel(DISPATCH, 27, at + 30, 20),
    kernel(GEMM, 7, at + 32, 10),
    kernel(COMBINE, 27, at + 60, 20),
    kernel(GEMM, 7, at + 62, 10),
    kernel(COMBINE, 27, at + 90, 9),
    kernel(GEMM, 7, at + 91, 8),
  ];
}

const layers = (count: number): Item[] => Array.from({ length: count }, (_, index) => layer(index * 100)).flat();

describe('phases of a trace that names none', () => {
  it('are the collectives by their place in the period, and compute by the one it began beside', async () => {
    const { analysis } = await analysedRanks([layers(6)]);
    expect(analysis.phasesInferred).to.equal(true);
    expect(analysis.phases.map(({ name, count, kind }) => `${count} ${name} (${kind})`)).to.deep.equal([
      '6 dispatch 1 (communication)',
      '6 beside dispatch 1 (computation)',
      '6 dispatch 2 (communication)',
      '6 beside dispatch 2 (computation)',
      '6 combine 1 (communication)',
      '6 beside combine 1 (computation)',
      '6 combine 2 (communication)',
      '6 beside combine 2 (computation)',
    ]);
  });

  it('bound layers, of which those in the middle are steady', async () => {
    const { analysis } = await analysedRanks([layers(6)]);
    expect(analysis.layers).to.deep.equal({ marker: 'beside dispatch 1', count: 6 });
    expect(analysis.steady).to.include({ spanUs: 400 });
    expect(analysis.steady!.layerUs).to.deep.equal({ mean: 100, min: 100, max: 100 });
  });

  it('are not numbered where nothing repeats', async () => {
    const events = [DISPATCH, COMBINE, DISPATCH, DISPATCH, COMBINE].map((name, i) => kernel(name, 27, i * 10, 8));
    const { analysis } = await analysedRanks([events]);
    expect(analysis.phases.map(({ name, count }) => `${count} ${name}`)).to.deep.equal(['3 dispatch', '2 combine']);
    expect(analysis.steady).to.equal(null);
  });

  it('are one, compute, where nothing communicates', async () => {
    const { analysis } = await analysedRanks([[kernel(GEMM, 7, 0, 5), kernel(GEMM, 8, 2, 5)]]);
    expect(analysis.phases.map(({ name }) => name)).to.deep.equal(['compute']);
    expect(analysis.layers).to.deep.equal({ marker: null, count: 0 });
    expect(analysis.timeline).to.include({ computeUs: 7, commUs: 0, exposedCommUs: 0, idleUs: 0 });
  });

  it('are compute where they compute, though they start with a cast on the stream of a collective', async () => {
    const cast = (at: number): Item[] => [kernel('cast', 27, at, 1), ...layer(at + 2)];
    const { analysis } = await analysedRanks([[0, 200, 400, 600].flatMap(cast)]);
    const kinds = analysis.phases.map(({ name, kind, count }) => `${count} ${name}: ${kind}`);
    expect(kinds).to.include.members(['4 beside combine 2: computation', '4 combine 2: communication']);
  });

  it('call what waited and moved nothing before the trace ended a barrier', async () => {
    const { analysis } = await analysedRanks([[kernel(DISPATCH, 27, 0, 5), kernel(NOTIFY, 27, 10, 5)]]);
    expect(analysis.phases.map(({ name }) => name)).to.deep.equal(['dispatch', 'barrier']);
  });
});

describe('the period of a sequence', () => {
  it('is the shortest shift under which it is itself, if it fits twice', () => {
    const sequence = fc
      .tuple(fc.array(fc.constantFrom('a', 'b', 'c'), { minLength: 1, maxLength: 5 }), fc.nat(17))
      .map(([part, length]) => Array.from({ length }, (_, i) => part[i % part.length]));
    fc.assert(
      fc.property(fc.oneof(sequence, fc.array(fc.constantFrom('a', 'b'), { maxLength: 9 })), (types) => {
        const fits = (period: number): boolean => types.every((type, i) => i < period || type === types[i - period]);
        const periods = types.map((_, i) => i + 1).filter((period) => 2 * period <= types.length && fits(period));
        expect(periodOf(types)).to.equal(periods[0] ?? types.length);
      }),
    );
  });

  it('is found in a time that grows with the length alone', () => {
    const types = [...new Array<string>(300_000).fill('all-reduce'), 'all-gather'];
    expect(periodOf(types)).to.equal(types.length);
  });
});
