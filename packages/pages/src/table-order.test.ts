import { expect } from 'chai';
import { cellNumber, cellOrder } from './table-order.js';

describe('the order of a table’s cells', () => {
  it('counts units and signs', () => {
    const cells = ['31.95 ms', '5.3 µs', '4599 µs', '−2.0 ms', '1.2 s', '830 ns'];
    expect([...cells].sort(cellOrder)).to.deep.equal(['−2.0 ms', '830 ns', '5.3 µs', '4599 µs', '31.95 ms', '1.2 s']);
    expect(cellNumber('96.31 %')).to.equal(96.31);
    expect(cellNumber('+0.73 points')).to.equal(0.73);
  });

  it('has words behind numbers, and numbers in words by their size', () => {
    expect(['rank 10', '3', 'rank 9', '–'].sort(cellOrder)).to.deep.equal(['3', '–', 'rank 9', 'rank 10']);
  });
});
