import { expect } from 'chai';
import fc from 'fast-check';
import { compare } from './compare.js';
import type { Comparison } from './comparison.js';
import type { LayerParts } from './decomposition.js';
import { LAYER, layersOf, madeSide } from './layers.test-helper.js';
import type { MadeLayer } from './layers.test-helper.js';

const ns = (us: number): number => Math.round(us * 1000);

/** A layer's time, and the sum of what it consists of, integer ns. */
function sums({ layerUs, computeUs, exposedCommUs, copyUs, idleUs }: LayerParts): [number, number] {
  return [ns(layerUs), ns(computeUs) + ns(exposedCommUs) + ns(copyUs) + ns(idleUs)];
}

function phase({ phases }: Comparison, name: string): Comparison['phases'][number] {
  return phases.find((each) => each.phase === name)!;
}

const time = fc.integer({ min: 1, max: 20_000 });
const layer: fc.Arbitrary<MadeLayer> = fc.record({
  ...{ attnNs: time, dispatchNs: time, mlpNs: time, copyNs: time, idleNs: time },
});
const withTransfer = fc.record({
  ...{ attnNs: time, dispatchNs: time, mlpNs: time, copyNs: time, idleNs: time, transferNs: time },
});
/** Ranks of as many layers each. */
const ranks = fc
  .tuple(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 7 }), fc.boolean())
  .chain(([rankCount, layerCount, transfers]) => {
    const layers = fc.array(transfers ? withTransfer : layer, { minLength: layerCount, maxLength: layerCount });
    return fc.array(layers, { minLength: rankCount, maxLength: rankCount });
  });

describe('a comparison', () => {
  it('divides the layer of both, and its change, into parts that add up to the ns', () => {
    fc.assert(
      fc.property(ranks, ranks, (a, b) => {
        const { decomposition, changes } = compare(madeSide(a, 'captured'), madeSide(b));
        for (const parts of [decomposition.a, decomposition.b, decomposition.difference]) {
          const [whole, together] = sums(parts);
          expect(together).to.equal(whole);
        }
        const all = changes.reduce((sum, { differenceUs }) => sum + ns(differenceUs), 0);
        expect(all).to.equal(ns(decomposition.difference.layerUs));
      }),
    );
  });

  it('says of a made layer what it is made of', () => {
    const { decomposition } = compare(madeSide([layersOf(6)]), madeSide([layersOf(6)]));
    // Half of attention hides 2 of the dispatch's 5 µs.
    const parts = { computeUs: 10, exposedCommUs: 3, copyUs: 0.3, idleUs: 0.7 };
    expect(decomposition.a).to.deep.equal({ layerUs: 14, ...parts });
  });

  it('of a trace with itself is zero everywhere', () => {
    fc.assert(
      fc.property(ranks, (layers) => {
        const side = madeSide(layers);
        const { decomposition, changes, phases, figures, kernels, kernelClasses, collectives } = compare(side, side);
        expect(decomposition.difference).to.deep.equal({
          ...{ layerUs: 0, computeUs: 0, exposedCommUs: 0, copyUs: 0, idleUs: 0 },
        });
        expect(changes).to.deep.equal([]);
        for (const { differenceUs, layerDifferenceUs, contributionUs } of phases) {
          expect([differenceUs, layerDifferenceUs, contributionUs]).to.deep.equal([0, 0, 0]);
        }
        for (const { difference } of figures) expect(difference).to.equal(0);
        for (const { differenceUs } of [...kernels, ...kernelClasses, ...collectives!])
          expect(differenceUs).to.equal(0);
      }),
    );
  });

  it('of B with A has the differences of A with B with the other sign', () => {
    fc.assert(
      fc.property(ranks, ranks, (layersA, layersB) => {
        const [a, b] = [madeSide(layersA, 'captured'), madeSide(layersB)];
        const [there, back] = [compare(a, b), compare(b, a)];
        const opposite = (one: number | null, other: number | null): void => {
          expect((one ?? 0) + (other ?? 0)).to.equal(0);
        };
        const { difference } = there.decomposition;
        for (const part of Object.keys(difference) as (keyof LayerParts)[]) {
          opposite(difference[part], back.decomposition.difference[part]);
        }
        for (const one of there.phases) {
          const other = phase(back, one.phase);
          opposite(one.differenceUs, other.differenceUs);
          opposite(one.layerDifferenceUs, other.layerDifferenceUs);
          opposite(one.contributionUs, other.contributionUs);
        }
        there.figures.forEach((figure, index) => {
          opposite(figure.difference, back.figures[index].difference);
        });
        for (const one of there.kernelClasses) {
          opposite(one.differenceUs, back.kernelClasses.find(({ name }) => name === one.name)!.differenceUs);
        }
      }),
    );
  });

  it('has the phase that was made slower first, with what it was made slower by', () => {
    const { changes, phases, decomposition } = compare(
      madeSide([layersOf(6)]),
      madeSide([layersOf(6, { mlpNs: 7250 })]),
    );
    expect(changes).to.deep.equal([{ what: 'mlp', part: 'computation', differenceUs: 1.25 }]);
    expect(phases[0]).to.include({ phase: 'mlp', differenceUs: 1.25, contributionUs: 1.25, sharePct: 100 });
    expect(decomposition.difference.layerUs).to.equal(1.25);
  });

  it('counts of communication only what is exposed', () => {
    const faster = compare(madeSide([layersOf(6)]), madeSide([layersOf(6, { dispatchNs: 1500 })]));
    expect(phase(faster, 'dispatch')).to.include({ differenceUs: -3.5, contributionUs: -3 });
    expect(faster.changes).to.deep.equal([{ what: 'dispatch', part: 'exposed communication', differenceUs: -3 }]);
  });

  it('compares layers, however many there are', () => {
    const { decomposition, changes, notes } = compare(madeSide([layersOf(4)]), madeSide([layersOf(16)]));
    expect([decomposition.difference.layerUs, changes]).to.deep.equal([0, []]);
    expect(notes[0]).to.match(/^A has 4 layers, B 16/);
  });

  it('takes the mean over ranks beside a single one, and says so', () => {
    const many = [layersOf(6, { mlpNs: 5000 }), layersOf(6, { mlpNs: 9000 })];
    const { notes, phases } = compare(madeSide([layersOf(6)], 'captured'), madeSide(many));
    expect(phases[0].differenceUs).to.equal(1);
    expect(notes[0]).to.equal('A is rank 0, B the mean over its 2 ranks; --rank 0 compares that rank of both.');
  });

  it('counts the first and the last layer only where one side has too few for a steady state', () => {
    const long = [{ ...LAYER, mlpNs: 90_000 }, ...layersOf(5)];
    const steady = compare(madeSide([long]), madeSide([layersOf(6)]));
    expect([steady.basis.window, steady.decomposition.difference.layerUs]).to.deep.equal(['steady', 0]);
    const { basis, notes } = compare(madeSide([long]), madeSide([layersOf(3)]));
    expect(basis.window).to.equal('all');
    expect(notes.join(' ')).to.include('B has fewer than four layers');
  });

  it('counts kernels alone as communication where only one side shows background transfers', () => {
    const [plain, background] = [madeSide([layersOf(6)]), madeSide([layersOf(6, { transferNs: 8000 })])];
    const { basis, decomposition, changes, notes } = compare(plain, background);
    expect(basis.transfers).to.equal(false);
    // The transfer ends 2 µs after the mlp: time in which no kernel runs.
    expect(decomposition.difference).to.include({ layerUs: 2, exposedCommUs: 0, idleUs: 2 });
    expect(changes).to.deep.equal([{ what: '', part: 'idle', differenceUs: 2 }]);
    expect(notes.join(' ')).to.include('kernels alone count as communication');
    const both = compare(madeSide([layersOf(6, { transferNs: 7000 })]), background);
    expect(both.changes).to.deep.equal([{ what: 'COMBINE', part: 'exposed communication', differenceUs: 1 }]);
  });

  it('compares kernels where no phase is common, and says that none is', () => {
    const { notes, phases, kernels } = compare(
      madeSide([layersOf(6)]),
      madeSide([layersOf(6)], 'emulated', (name) => `my ${name}`),
    );
    expect(notes.join(' ')).to.include('no phases in common');
    expect(phases.filter(({ a }) => a === null).map((each) => each.phase)).to.have.members([
      'my attn',
      'my dispatch',
      'my mlp',
    ]);
    for (const { differenceUs, aUs } of kernels) expect([differenceUs, aUs !== null]).to.deep.equal([0, true]);
  });

  it('is of the span where layers are not told alike, and says so', () => {
    const [a, b] = [madeSide([layersOf(8)]), madeSide([layersOf(8)])];
    const halved = { ...a, layers: 4, marker: 'attn(0)' };
    for (const other of [halved, { ...b, phasesInferred: true }, { ...halved, phasesInferred: true }]) {
      const { basis, decomposition, figures, notes } = compare(other, b);
      expect(basis).to.include({ unit: 'span', window: 'all', tablesWindow: 'all' });
      expect(decomposition).to.deep.include({ differencePct: 0, a: decomposition.b });
      expect(figures.map(({ name }) => name)).not.to.include('layer');
      expect(notes.join(' ')).to.include('need not be the same thing');
    }
    // Where twice the layers take twice the time they are alike whatever they begin with, and so are those of one name.
    const { marker } = b;
    expect(compare({ ...madeSide([layersOf(4)]), marker: 'attn(0)' }, b).basis.unit).to.equal('layer');
    expect(compare({ ...halved, marker }, b).basis.unit).to.equal('layer');
    expect(compare({ ...halved, marker: null }, b).basis.unit).to.equal('layer');
  });
});
