import { expect } from 'chai';
import { resolveConfiguration } from './resolve.js';
import { parseTraceWindow } from './trace-window.js';

const RUN = { layers: 8, steps: 2, ranks: 16 };

describe('parseTraceWindow', () => {
  it('reads ranges, single numbers and times of any unit, in any order', () => {
    expect(parseTraceWindow('layers=2-4,ranks=0-3', RUN)).to.deep.equal({
      text: 'layers=2-4,ranks=0-3',
      layers: { first: 2, last: 4 },
      ranks: { first: 0, last: 3 },
    });
    const bounds = (text: string): unknown[] => {
      const { fromNs, toNs } = parseTraceWindow(text, RUN);
      return [fromNs, toNs];
    };
    expect(bounds('to=3ms, from=1ms')).to.deep.equal([1e6, 3e6]);
    expect(bounds('from=0.5us,to=1s')).to.deep.equal([500, 1e9]);
    expect(bounds('from=12µs')).to.deep.equal([12_000, undefined]);
    expect(parseTraceWindow('steps=1', RUN)).to.have.deep.property('steps', { first: 1, last: 1 });
  });

  const wrong: Readonly<Record<string, RegExp>> = {
    '': /"" is no part of a window/,
    nonsense: /"nonsense" is no part of a window; give layers, steps, ranks, from and to/,
    'layers=8': /layers of this run are 0 to 7/,
    'layers=-1': /layers must be a number or a range/,
    'steps=0-2': /steps of this run are 0 to 1/,
    'ranks=3-1': /its ranks end before they begin; write ranks=1-3/,
    'ranks=1e1': /ranks must be a number or a range/,
    'from=3': /from must be a time with its unit; write from=1\.5ms/,
    'from=1ms,to=1000us': /it ends before it begins/,
    'to=0ms': /it ends before it begins/,
    'layers=1,layers=2': /it names layers twice/,
    'from=1ms,from=2ms': /it names from twice/,
    'nodes=1': /there is no nodes to cut by/,
    'text=1': /there is no text to cut by/,
    'constructor=1': /there is no constructor to cut by/,
    'ranks=0,': /"" is no part of a window/,
  };
  for (const [text, problem] of Object.entries(wrong)) {
    it(`refuses ${JSON.stringify(text)} in one sentence with key and value, from wherever it comes`, () => {
      const values = { layers: 8, steps: 2, ranks: 16 };
      const attempts = [
        () => resolveConfiguration({ scenario: 'decode', flags: { ...values, traceWindow: text } }),
        () => resolveConfiguration({ scenario: { scenario: 'decode', ...values, traceWindow: text } }),
      ];
      for (const attempt of attempts) {
        expect(attempt).to.throw(problem);
        expect(attempt)
          .to.throw(`traceWindow is ${JSON.stringify(text)}, but `)
          .with.property('exitCode', 2);
      }
    });
  }
});
