import { expect } from 'chai';
import fc from 'fast-check';
import { placeRanks } from './placement.js';
import type { Offer } from './placement.js';

const offer = (machine: string, slots: number, place?: number): Offer => ({ machine, host: machine, slots, place });

describe('the placing of ranks', () => {
  it('goes machine by machine, whatever the order of joining', () => {
    const offers = [offer('a', 4), offer('b', 4), offer('a', 4), offer('b', 4)];
    expect(placeRanks(offers, 16).map(({ offer: index }) => index)).to.deep.equal([0, 2, 1, 3]);
  });

  it('keeps the containers of a machine together, in the order of joining', () => {
    const container = (host: string, machine: string): Offer => ({ machine, host, slots: 1, place: undefined });
    const offers = [container('x', 'a'), container('y', 'b'), container('z', 'a'), container('x', 'a')];
    expect(placeRanks(offers, 4).map(({ offer: index }) => index)).to.deep.equal([0, 3, 2, 1]);
  });

  it('follows a launcher’s places before anything else', () => {
    const offers = [offer('a', 2, 2), offer('b', 2, 0), offer('a', 2), offer('b', 2, 1)];
    expect(placeRanks(offers, 8)).to.deep.equal([
      { offer: 1, ranks: [0, 1] },
      { offer: 3, ranks: [2, 3] },
      { offer: 0, ranks: [4, 5] },
      { offer: 2, ranks: [6, 7] },
    ]);
  });

  it('gives every rank to one worker, none more than it offers, and leaves out who is not needed', () => {
    const anyOffer = fc.record({
      machine: fc.constantFrom('a', 'b', 'c'),
      host: fc.constantFrom('x', 'y'),
      slots: fc.integer({ min: 1, max: 9 }),
      place: fc.option(fc.nat(5), { nil: undefined }),
    });
    fc.assert(
      fc.property(fc.array(anyOffer, { minLength: 1 }), fc.nat(), (offers, some) => {
        const all = offers.reduce((sum, { slots }) => sum + slots, 0);
        const ranks = 1 + (some % all);
        const placed = placeRanks(offers, ranks);
        expect(placed.flatMap((worker) => worker.ranks)).to.deep.equal(Array.from({ length: ranks }, (_, i) => i));
        expect(new Set(placed.map((worker) => worker.offer)).size).to.equal(placed.length);
        for (const worker of placed) expect(worker.ranks.length).to.be.within(1, offers[worker.offer].slots);
      }),
    );
  });
});
