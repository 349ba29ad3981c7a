import { BadInputError } from '@epemu/core';
import { expect } from 'chai';
import fc from 'fast-check';
import { axisFrom, parseAxis, pointsOf } from './axis.js';

const valuesOf = (text: string): readonly string[] => parseAxis(text).values;

describe('an axis of a sweep', () => {
  it('is a list, a range, a range with a step, or one with a factor', () => {
    expect(valuesOf('batch=16,32, 64')).to.deep.equal(['16', '32', '64']);
    expect(valuesOf('sms=3..6')).to.deep.equal(['3', '4', '5', '6']);
    expect(valuesOf('sms=16..32:4')).to.deep.equal(['16', '20', '24', '28', '32']);
    expect(valuesOf('batch=16..250:x2')).to.deep.equal(['16', '32', '64', '128']);
    expect(valuesOf('jitter=0..0.3:0.1')).to.deep.equal(['0', '0.1', '0.2', '0.3']);
  });

  it('has values with commas in brackets and quotes, and each once', () => {
    expect(valuesOf('promptLengths=[4096,8192],[1024]')).to.deep.equal(['[4096,8192]', '[1024]']);
    expect(valuesOf('slowRanks=[],[{"rank":1,"factor":2}]')).to.have.lengthOf(2);
    expect(valuesOf('jitter=0.1,1e-1,0.10')).to.deep.equal(['0.1']);
  });

  it('has keys by short names, by flags and as they are', () => {
    const flags = new Map([['tokens-per-microbatch', 'tokensPerMicrobatch']]);
    expect(parseAxis('sms=1').key).to.equal('schedule.communicationSms');
    expect(parseAxis('tokens-per-microbatch=1', flags).key).to.equal('tokensPerMicrobatch');
    expect(parseAxis('schedule.launch=eager,graph')).to.include({ key: 'schedule.launch', label: 'launch' });
    expect(axisFrom('overlap', ['full', 'none']).values).to.deep.equal(['full', 'none']);
    expect(axisFrom('batch', '16..64:x2').values).to.deep.equal(['16', '32', '64']);
    expect(axisFrom('slowRanks', [[], [{ rank: 1, factor: 2 }]]).values).to.deep.equal([
      '[]',
      '[{"rank":1,"factor":2}]',
    ]);
  });

  for (const wrong of [
    'batch',
    '=3',
    'batch=',
    'batch=1,,2',
    'sms=5..3',
    'sms=1..9:0',
    'sms=1..9:x1',
    'sms=0..1e9:1',
  ]) {
    it(`is refused: ${wrong}`, () => {
      expect(() => parseAxis(wrong)).to.throw(BadInputError);
    });
  }

  it('gives every pair of values once, and refuses a key twice', () => {
    const some = fc.uniqueArray(fc.integer({ min: 0, max: 999 }), { minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(some, some, (a, b) => {
        const points = pointsOf([parseAxis(`ranks=${a.join()}`), parseAxis(`layers=${b.join()}`)]);
        expect(new Set(points.map(String)).size)
          .to.equal(a.length * b.length)
          .and.equal(points.length);
      }),
    );
    expect(() => pointsOf([parseAxis('ep=1'), parseAxis('ranks=2')])).to.throw('is given twice');
  });
});
