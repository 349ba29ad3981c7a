import { Columns, InvariantError } from '@epemu/core';
import { expect } from 'chai';
import fc from 'fast-check';
import { decodeColumns, encodeColumns, joinParts, splitParts } from './binary.js';

const NAMES = ['a', 'b'] as const;
/** Values of every element type: bytes, 16 and 32 bits, beyond 2^32, negative, and what is no integer. */
const VALUE = fc.oneof(
  fc.nat(0xff),
  fc.nat(0xffff),
  fc.nat(0xffffffff),
  fc.maxSafeInteger(),
  fc.constantFrom(-1, 0xff, 0x100, 0xffff, 0x10000, 0xffffffff, 2 ** 32, Number.MIN_SAFE_INTEGER, 0.5, Infinity),
);
const ROWS = fc.array(fc.tuple(VALUE, VALUE), { maxLength: 40 });

function columnsOf(rows: readonly (readonly number[])[]): Columns<(typeof NAMES)[number]> {
  const columns = new Columns(NAMES, 4);
  for (const row of rows) columns.push(...row);
  return columns;
}

function valuesOf(columns: Columns<(typeof NAMES)[number]>): number[][] {
  return NAMES.map((name) => [...columns.column(name)]);
}

describe('columns as bytes', () => {
  it('come back as they were, of any sign and size, also none', () => {
    fc.assert(
      fc.property(ROWS, (rows) => {
        const columns = columnsOf(rows);
        expect(valuesOf(decodeColumns(encodeColumns(columns), NAMES))).to.deep.equal(valuesOf(columns));
      }),
      { numRuns: 300 },
    );
  });

  it('come back from any place in a buffer, and from a Buffer', () => {
    const columns = columnsOf([
      [1, 2 ** 40],
      [-3, 4],
    ]);
    const bytes = encodeColumns(columns);
    for (let offset = 0; offset < 8; offset++) {
      const buffer = Buffer.alloc(bytes.length + 16);
      buffer.set(bytes, offset);
      const view = buffer.subarray(offset, offset + bytes.length);
      expect(valuesOf(decodeColumns(view, NAMES))).to.deep.equal(valuesOf(columns));
    }
  });

  it('take a byte for a small value and eight for a large one', () => {
    const size = (value: number): number =>
      encodeColumns(columnsOf(Array.from({ length: 8 }, () => [value, 0]))).length;
    // Two heads of 8 bytes and one of 8 for all, 8 bytes for the zeros.
    expect([255, 65_535, 2 ** 32 - 1, 2 ** 32, -1].map(size)).to.deep.equal([40, 48, 64, 96, 96]);
  });

  it('are refused when cut short, lengthened or of other columns', () => {
    const bytes = encodeColumns(columnsOf([[1, 2 ** 40]]));
    for (let length = 0; length < bytes.length; length++) {
      expect(() => decodeColumns(bytes.slice(0, length), NAMES)).to.throw(InvariantError, 'columns a, b are damaged');
    }
    const longer = new Uint8Array(bytes.length + 8);
    longer.set(bytes);
    expect(() => decodeColumns(longer, NAMES)).to.throw(InvariantError);
    expect(() => decodeColumns(bytes, ['a'])).to.throw(InvariantError, 'columns a are damaged');
  });

  it('are refused with a row count, a column count or an element type that cannot be', () => {
    const bytes = encodeColumns(columnsOf([[1, 2 ** 40]]));
    for (const [at, value] of [
      [0, 0xffffffff],
      [4, 3],
      [8, 4],
    ]) {
      const damaged = Uint8Array.from(bytes);
      new DataView(damaged.buffer).setUint32(at, value, true);
      expect(() => decodeColumns(damaged, NAMES), `byte ${at}`).to.throw(InvariantError);
    }
  });
});

describe('splitParts', () => {
  const PARTS = fc.array(fc.uint8Array({ maxLength: 20 }));

  it('takes apart what joinParts joined, each part aligned to 8 bytes', () => {
    fc.assert(
      fc.property(PARTS, (parts) => {
        const split = splitParts(joinParts(parts));
        expect(split.map((part) => [...part])).to.deep.equal(parts.map((part) => [...part]));
        for (const part of split) expect(part.byteOffset % 8).to.equal(0);
      }),
    );
  });

  it('refuses what ends before its last part does', () => {
    const bytes = joinParts([Uint8Array.of(1, 2, 3), new Uint8Array(16)]);
    for (const length of [1, 7, 10, 17, 25, bytes.length - 1]) {
      expect(() => splitParts(bytes.subarray(0, length)), `${length} bytes`).to.throw(
        InvariantError,
        'ends before its last part',
      );
    }
  });
});
