import { expect } from 'chai';
import fc from 'fast-check';
import { largest } from '@epemu/core';
import { criticalPathPieces } from './critical-path.js';
import type { EventGraph } from './graph.js';
import type { TraceSet } from '../model.js';
import { SCENES, graphOf } from './random-set.test-helper.js';
import { replayGraph, replayOrder } from './replay.js';
import type { ReplayChange } from './replay.js';
import { whatIfs } from './what-if.js';

const RUNS = { numRuns: 150 };

/** Checks every graph of random scenes. */
function forAll(check: (graph: EventGraph, order: Uint32Array, set: TraceSet) => void): Promise<void> {
  return fc.assert(
    fc.asyncProperty(SCENES, async (scene) => {
      const { graph, set } = await graphOf(scene);
      const order = replayOrder(graph);
      expect(order, 'no circle').not.to.equal(undefined);
      check(graph, order!, set);
    }),
    RUNS,
  );
}

describe('the graph of any ranks', () => {
  it('gives every start and end back when nothing is changed and lags are kept', () =>
    forAll((graph, order) => {
      const replayed = replayGraph(graph, order, { keepPhaseLags: true });
      expect([...replayed.startNs]).to.deep.equal([...graph.startNs]);
      expect([...replayed.endNs]).to.deep.equal([...graph.endNs]);
    }));

  it('has a critical path without a hole that ends with the last end', () =>
    forAll((graph) => {
      const pieces = criticalPathPieces(graph);
      const lastNs = largest(graph.endNs);
      // A kernel of no length that waited for nothing is a path of no length.
      const isPoint = graph.startNs.some((startNs, node) => startNs === lastNs && graph.endNs[node] === lastNs);
      if (pieces.length > 0 || !isPoint) expect(pieces.at(-1)?.endNs).to.equal(lastNs);
      pieces.forEach(({ startNs, endNs }, index) => {
        expect(endNs).to.be.greaterThan(startNs);
        if (index > 0) expect(startNs, `piece ${index}`).to.equal(pieces[index - 1].endNs);
      });
    }));

  it('has a critical path that begins where a rank does', () =>
    forAll((graph) => {
      const [piece] = criticalPathPieces(graph);
      if (piece !== undefined) expect([...graph.startNs]).to.include(piece.startNs);
    }));

  it('never ends later where something takes less time', () =>
    forAll((graph, order) => {
      const nodes = graph.startNs.length;
      const end = (change: Omit<ReplayChange, 'keepPhaseLags'>, keepPhaseLags: boolean): number =>
        largest(replayGraph(graph, order, { ...change, keepPhaseLags }).endNs);
      for (const keep of [true, false]) {
        const unchanged = end({}, keep);
        for (let node = 0; node < nodes; node++) {
          const shorter = (other: number, ns: number): number => (other === node && ns > 0 ? ns / 2 : ns);
          expect(end({ ownNs: shorter }, keep)).to.be.at.most(unchanged);
          expect(end({ tailNs: shorter }, keep)).to.be.at.most(unchanged);
        }
      }
    }));

  it('has no answer to a what-if that ends later than the replay of what was', () =>
    forAll((graph, order, { ranks, facts }) => {
      const numbers = ranks.map(({ rank }) => rank);
      const known = { ranks: numbers, facts, bytesTo: new Map(), keepPhaseLags: false };
      const { answers, replayedEndUs } = whatIfs(graph, order, known);
      for (const { id, endUs, savedUs } of answers) {
        expect(endUs, id).to.be.at.most(replayedEndUs);
        expect(savedUs, id).to.be.at.least(0);
      }
    }));
});
