import { expect } from 'chai';
import fc from 'fast-check';
import { Packr } from 'msgpackr';
import { MessagePackShapeError, checkMessagePack } from './message-pack.js';

const packr = new Packr({ useRecords: false, mapsAsObjects: true, moreTypes: false });

/** @returns an array or map that says it has so many elements, and the bytes that follow. */
function announcing(type: number, length: number, following: Uint8Array = new Uint8Array(0)): Buffer {
  const head = Buffer.alloc(5, type);
  head.writeUInt32BE(length, 1);
  return Buffer.concat([head, following]);
}

describe('the look at MessagePack before it is decoded', () => {
  it('finds the end of whatever can be packed, and refuses all that is cut', () => {
    const value = fc.jsonValue({ maxDepth: 6 });
    fc.assert(
      fc.property(value, fc.nat(), (packed, seed) => {
        const bytes = Buffer.from(packr.pack(packed));
        expect(checkMessagePack(bytes, 32)).to.equal(bytes.length);
        expect(checkMessagePack(Buffer.concat([bytes, Buffer.of(1, 2)]), 32)).to.equal(bytes.length);
        expect(() => checkMessagePack(bytes.subarray(0, seed % bytes.length), 32)).to.throw(MessagePackShapeError);
      }),
    );
  });

  it('throws nothing but its own error at any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
        try {
          expect(checkMessagePack(bytes, 4)).to.be.at.most(bytes.length);
        } catch (error) {
          expect(error).to.be.instanceOf(MessagePackShapeError);
        }
      }),
    );
  });

  it('refuses lengths that the bytes cannot hold, of arrays, maps, strings and binaries', () => {
    for (const type of [0xdd, 0xdf, 0xdb, 0xc6]) {
      expect(() => checkMessagePack(announcing(type, 0xffff_ffff, Buffer.alloc(100)), 8), type.toString(16)).to.throw(
        'announces more',
      );
    }
    expect(checkMessagePack(announcing(0xdd, 100, Buffer.alloc(100)), 8)).to.equal(105);
    expect(() => checkMessagePack(announcing(0xdf, 51, Buffer.alloc(100)), 8)).to.throw('announces more');
  });

  it('refuses nesting beyond what is allowed, and extension types', () => {
    const nested = (levels: number): Buffer => Buffer.concat([Buffer.alloc(levels, 0x91), Buffer.of(0xc0)]);
    expect(checkMessagePack(nested(8), 8)).to.equal(9);
    expect(() => checkMessagePack(nested(9), 8)).to.throw('nested deeper than 8');
    expect(() => checkMessagePack(nested(1_000_000), 8)).to.throw('nested deeper');
    for (const type of [0xc1, 0xc7, 0xc8, 0xc9, 0xd4, 0xd5, 0xd6, 0xd7, 0xd8]) {
      expect(() => checkMessagePack(Buffer.of(type, 1, 0, 0, 0, 0, 0), 8)).to.throw('not used here');
    }
    const unset = packr.pack({ place: undefined });
    expect(checkMessagePack(unset, 8)).to.equal(unset.length);
  });
});
