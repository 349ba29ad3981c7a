import { expect } from 'chai';
import { formatBytes, formatNs, formatPct, formatPoint, formatStretch, timeText } from './units.js';

describe('units of the page', () => {
  it('writes durations in the unit that engineers read', () => {
    expect([0, 830, 12_345, 129_012_345, 2.5e9].map(formatNs)).to.deep.equal([
      '0 ns',
      '830 ns',
      '12.35 µs',
      '129.01 ms',
      '2.50 s',
    ]);
  });

  it('writes points in time to the nanosecond', () => {
    expect([7, 1_001, 12_345_678, 1_000_000_001].map(formatPoint)).to.deep.equal([
      '7 ns',
      '1.001 µs',
      '12.345678 ms',
      '1.000000001 s',
    ]);
  });

  it('writes times of tables with the digits that are read', () => {
    expect([0, 5.26, 4599, 31_950, 43_893_910, -12_000_000].map(timeText)).to.deep.equal([
      ...['0 µs', '5.3 µs', '4599 µs', '31.95 ms', '43.89 s', '-12.00 s'],
    ]);
  });

  it('writes a stretch of time with the digits that its length calls for', () => {
    expect(formatStretch(0, 129_012_000)).to.equal('0 to 129.01 ms');
    expect(formatStretch(129_012_000, 129_012_050)).to.equal('129.012000 to 129.012050 ms');
    expect(formatStretch(0, 500)).to.equal('0 to 500 ns');
  });

  it('writes bytes in decimal units and shares with a digit', () => {
    expect([0, 999, 1.2e9, 8.47e12].map(formatBytes)).to.deep.equal(['0 B', '999 B', '1.20 GB', '8.47 TB']);
    expect(formatPct(96.34)).to.equal('96.3 %');
  });
});
