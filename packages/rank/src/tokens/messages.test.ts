import { expect } from 'chai';
import { assert, integer, property } from 'fast-check';
import { SMALL, failure, integerVectors, randomRouting } from '../fixtures.test-helper.js';
import { Arena, BufferPool, sizeClass } from './buffers.js';
import { routedMessage } from './dispatch-messages.js';
import { ForwardMap } from './forwarding.js';
import { HomeInbox } from './inbox.js';
import { NO_ROUTING, copyMessage, homeOf, messageOver, newMessage } from './messages.js';
import type { TokenMessage } from './messages.js';

/** What a message says, apart from where it lies. */
function contents(message: TokenMessage): unknown {
  const { home, first, rows, last, routed, entries, lanes, slab } = message;
  return {
    home,
    first,
    rows,
    last,
    routed,
    entries,
    lanes,
    words: [...slab.words.subarray(message.at, message.endAt)],
  };
}

describe('a token message', () => {
  const lanes = 16;
  const message = (tokens: number, seed: number, arena = new Arena(new BufferPool())): TokenMessage => {
    const routed = randomRouting(SMALL, tokens, 4, seed, 3);
    const rows = routed.layout.nodes[1].tokens.length;
    const chunk = { home: 3, first: 0, rows, last: true, lanes };
    return routedMessage(arena, routed, 1, chunk, integerVectors(tokens, lanes, seed));
  };

  it('survives the wire, read in place or copied into an arena, at any alignment', () => {
    assert(
      property(integer({ min: 0, max: 60 }), integer({ min: 0, max: 7 }), integer(), (tokens, shift, seed) => {
        const sent = message(tokens, seed);
        const wire = new Uint8Array(sent.bytes.byteLength + shift);
        wire.set(sent.bytes, shift);
        const bytes = wire.subarray(shift);
        expect(homeOf(bytes)).to.equal(3);
        expect(contents(messageOver(bytes))).to.deep.equal(contents(sent));
        expect(contents(copyMessage(new Arena(new BufferPool()), bytes))).to.deep.equal(contents(sent));
      }),
    );
  });

  it('is refused when its length does not follow from its header', async () => {
    const { bytes } = message(20, 1);
    expect(await failure(() => messageOver(bytes.slice(0, -4)))).to.match(/claims \d+ rows/);
    expect(await failure(() => messageOver(bytes.slice(0, -1)))).to.match(/claims \d+ rows/);
    expect(await failure(() => messageOver(bytes.slice(0, 20)))).to.contain('shorter than its header');
    expect(await failure(() => copyMessage(new Arena(new BufferPool()), new Uint8Array(0)))).to.contain('shorter');
  });

  it('is refused by an inbox unless its rows are the next ones', async () => {
    const arena = new Arena(new BufferPool());
    const part = (first: number, last: boolean): TokenMessage =>
      newMessage(arena, { home: 2, first, rows: 3, last, lanes: 0 }, NO_ROUTING);
    const inbox = new HomeInbox(arena, 4);
    expect(
      await failure(() => {
        inbox.deliver(2, part(3, false));
      }),
    ).to.contain('came where row 0 was due');
    inbox.deliver(2, part(0, false));
    expect(
      await failure(() => {
        inbox.deliver(2, part(0, false));
      }),
    ).to.contain('came where row 3 was due');
    inbox.deliver(2, part(3, true));
    expect(
      await failure(() => {
        inbox.deliver(2, part(6, true));
      }),
    ).to.contain('rows 6 of rank 2');
    expect(
      await failure(() => {
        inbox.deliver(4, part(0, true));
      }),
    ).to.contain('sender 4 of 4');
  });

  it('is refused by a forwarder when it goes to another node or comes out of turn', async () => {
    const arena = new Arena(new BufferPool());
    const sent = message(40, 5);
    expect(await failure(() => new ForwardMap(SMALL, 2).split(sent, arena))).to.contain('lives elsewhere');
    const forwarding = new ForwardMap(SMALL, 1);
    forwarding.split(sent, arena);
    expect(await failure(() => forwarding.split(sent, arena))).to.contain('was due');
  });
});

describe('ForwardMap', () => {
  it('splits cached vectors into the rows that the routed split gave each GPU, whatever the chunks', () => {
    assert(
      property(integer({ min: 1, max: 200 }), integer({ min: 1, max: 80 }), integer(), (tokens, most, seed) => {
        const arena = new Arena(new BufferPool());
        const lanes = 3;
        const routed = randomRouting(SMALL, tokens, 4, seed, 5);
        const vectors = integerVectors(tokens, lanes, seed);
        const list = routed.layout.nodes[2].tokens;
        const forwarding = new ForwardMap(SMALL, 2);
        const whole: number[][] = [[], [], [], []];
        for (let first = 0; first < list.length; first += most) {
          const rows = Math.min(most, list.length - first);
          const chunk = { home: 5, first, rows, last: first + rows === list.length, lanes };
          const parts = forwarding.split(routedMessage(arena, routed, 2, chunk, vectors), arena);
          parts.forEach((part, local) => whole[local].push(...part.slab.floats.subarray(part.vectorsAt, part.endAt)));
        }
        const cached = newMessage(arena, { home: 5, first: 0, rows: list.length, last: true, lanes }, NO_ROUTING);
        list.forEach((token, row) => {
          const at = cached.vectorsAt + row * lanes;
          cached.slab.floats.set(vectors.subarray(token * lanes, (token + 1) * lanes), at);
        });
        forwarding.splitCached(cached, arena).forEach((part, local) => {
          expect([...part.slab.floats.subarray(part.vectorsAt, part.endAt)]).to.deep.equal(whole[local]);
          expect(part.rows).to.equal(forwarding.positions(5, local).length);
        });
      }),
      { numRuns: 40 },
    );
  });
});

describe('BufferPool', () => {
  it('rounds up by less than a quarter, and gives a returned buffer out again', () => {
    for (let bytes = 1025; bytes < 1e8; bytes = Math.ceil(bytes * 1.37)) {
      expect(sizeClass(bytes)).to.be.within(bytes, bytes * 1.25);
      expect(sizeClass(sizeClass(bytes))).to.equal(sizeClass(bytes));
    }
    const pool = new BufferPool();
    const array = pool.float32(5000);
    pool.release(array);
    expect(pool.uint8(19_000).buffer).to.equal(array.buffer);
    expect(pool.float32(5000).buffer).not.to.equal(array.buffer);
  });
});
