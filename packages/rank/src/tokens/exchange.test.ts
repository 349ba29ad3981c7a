import { expect } from 'chai';
import { assert, asyncProperty, constantFrom, integer } from 'fast-check';
import {
  SMALL,
  failure,
  identityExperts,
  integerVectors,
  randomRouting,
  withExchanges,
} from '../fixtures.test-helper.js';
import { Arena, BufferPool } from './buffers.js';
import type { Incoming } from './exchange.js';
import { NO_ROUTING, newMessage } from './messages.js';
import { NormalExchange } from './exchange.js';

const topK = 4;
const modes = constantFrom('normal' as const, 'low-latency' as const);

/** A dispatch through identity experts and back. @returns by rank: rows and entries received, and the combined rows. */
async function roundTrip(
  mode: 'normal' | 'low-latency',
  tokens: number,
  lanes: number,
  seed: number,
  creditsPerPeer: number,
): Promise<{ hashes: number[][]; entries: number; combined: Float32Array }[]> {
  return withExchanges(SMALL, { mode, creditsPerPeer }, async ({ rank, exchange }) => {
    const routed = randomRouting(SMALL, tokens, topK, seed, rank);
    const received = await exchange.dispatch(routed, integerVectors(tokens, lanes, seed + rank), lanes);
    const combined = await exchange.combine('forward', identityExperts(received, lanes), lanes + 1);
    const hashes = received.expertHashes.map((words) => [...words]);
    return { hashes, entries: received.rowOfEntry.length, combined };
  });
}

describe('an exchange', () => {
  it('returns, through identity experts, each token times the sum of its router weights', async () => {
    await assert(
      asyncProperty(modes, integer({ min: 0, max: 90 }), integer({ min: 0, max: 9999 }), async (mode, tokens, seed) => {
        const lanes = 16;
        const ranks = await roundTrip(mode, tokens, lanes, seed, 8);
        ranks.forEach(({ combined }, rank) => {
          const { weights } = randomRouting(SMALL, tokens, topK, seed, rank);
          const vectors = integerVectors(tokens, lanes, seed + rank);
          for (let token = 0; token < tokens; token++) {
            let sum = 0;
            for (const weight of weights.subarray(token * topK, (token + 1) * topK)) sum += weight;
            expect(combined[token * (lanes + 1) + lanes]).to.equal(topK);
            const at = token * (lanes + 1);
            expect(combined[at]).to.be.closeTo(sum * vectors[token * lanes], 1e-3);
            expect(combined[at + lanes - 1]).to.be.closeTo(sum * vectors[token * lanes + lanes - 1], 1e-3);
          }
        });
      }),
      { numRuns: 20 },
    );
  });

  it('gives the experts tokens × topK rows over all ranks', async () => {
    await assert(
      asyncProperty(
        modes,
        integer({ min: 0, max: 120 }),
        integer({ min: 0, max: 9999 }),
        async (mode, tokens, seed) => {
          const ranks = await roundTrip(mode, tokens, 0, seed, 8);
          expect(ranks.reduce((sum, { entries }) => sum + entries, 0)).to.equal(SMALL.ranks * tokens * topK);
        },
      ),
      { numRuns: 15 },
    );
  });

  it('gives the same bits with 1 and 8 credits, also where messages come in many parts', async () => {
    for (const mode of ['normal', 'low-latency'] as const) {
      const wide = 8 * 1024;
      const one = await roundTrip(mode, 24, wide, 11, 1);
      const eight = await roundTrip(mode, 24, wide, 11, 8);
      one.forEach(({ combined, hashes }, rank) => {
        expect(
          Buffer.compare(new Uint8Array(combined.slice().buffer), new Uint8Array(eight[rank].combined.slice().buffer)),
        ).to.equal(0);
        expect(hashes).to.deep.equal(eight[rank].hashes);
      });
    }
  });

  it('takes gradients over the layout of the forward dispatch, row by row', async () => {
    const lanes = 2;
    await withExchanges(SMALL, { mode: 'normal' }, async ({ rank, exchange }) => {
      const vectors = integerVectors(100, lanes, rank);
      const received = await exchange.dispatch(randomRouting(SMALL, 100, topK, 5, rank), vectors, lanes);
      const again = await (exchange as NormalExchange).dispatchCached(vectors, lanes);
      expect([...again]).to.deep.equal([...received.vectors]);
    });
  });
});

describe('NormalExchange.receive', () => {
  const arena = new Arena(new BufferPool());
  const rows = (home: number, first = 0): Uint8Array =>
    newMessage(arena, { home, first, rows: 2, last: true, lanes: 1 }, NO_ROUTING).bytes;
  const refusal = (incoming: Partial<Incoming> & { bytes: Uint8Array }): Promise<string> =>
    failure(async () => {
      await withExchanges(SMALL, { mode: 'normal' }, async ({ rank, exchange }) => {
        if (rank === 5) await exchange.receive({ type: 'combine', direction: 'forward', hop: 1, from: 4, ...incoming });
      });
    });

  it('refuses rows of ranks outside its column', async () => {
    expect(await refusal({ bytes: rows(2) })).to.equal('rank 4 sent rows of rank 2 to reduce elsewhere');
    expect(await refusal({ hop: 2, from: 9, bytes: rows(9) })).to.contain('to reduce elsewhere');
    expect(await refusal({ type: 'dispatch', from: 9, bytes: rows(1) })).to.contain('which it does not forward');
    expect(await refusal({ type: 'dispatch', hop: 2, from: 4, bytes: rows(1) })).to.contain('does not forward');
  });

  it('refuses rows that are not the next ones', async () => {
    expect(await refusal({ bytes: rows(1, 7) })).to.equal('rows 7 of rank 1 came where row 0 was due');
  });

  it('refuses more cached rows than were dispatched', async () => {
    const message = { type: 'dispatch', direction: 'backward', from: 9, bytes: rows(9) } as const;
    expect(await refusal(message)).to.equal('rows up to 2 of rank 9 came where 0 were due');
  });

  it('refuses a combine whose rows are not those dispatched', async () => {
    const message = await failure(() =>
      withExchanges(SMALL, { mode: 'normal' }, async ({ rank, exchange }) => {
        const routed = randomRouting(SMALL, 40, topK, 5, rank);
        const received = await exchange.dispatch(routed, new Float32Array(40), 1);
        received.homeOffsets[SMALL.ranks] -= rank === 6 ? 1 : 0;
        return exchange.combine('forward', new Float32Array(received.rows), 1);
      }),
    );
    expect(message).to.match(/rows came back where \d+ were due/);
  });
});
