import { BadInputError } from '@epemu/core';
import { expect } from 'chai';
import fc from 'fast-check';
import { compileFormula } from './expression.js';

const KNOWN = new Set(['tokens', 'hidden']);
const SIZES = { tokens: 4096, hidden: 7168 };

describe('compileFormula', () => {
  it('computes with numbers and sizes, brackets first, then products', () => {
    expect(compileFormula('(tokens + 1) * hidden / 2 - 3', KNOWN, 'k').evaluate(SIZES)).to.equal(14_683_645);
    expect(compileFormula(5, KNOWN, 'k').evaluate(SIZES)).to.equal(5);
    expect(compileFormula('ceil(tokens / 1000) + max(1, min(2, 3)) + floor(2.5)', KNOWN, 'k').evaluate(SIZES)).to.equal(
      9,
    );
  });

  it('knows which sizes it uses', () => {
    expect([...compileFormula('tokens * (hidden + tokens)', KNOWN, 'k').uses].sort()).to.deep.equal([
      'hidden',
      'tokens',
    ]);
  });

  it('agrees with JavaScript on sums of products', () => {
    const term = fc.tuple(fc.nat(1000), fc.constantFrom('tokens', 'hidden'));
    fc.assert(
      fc.property(fc.array(term, { minLength: 1, maxLength: 6 }), (terms) => {
        const source = terms.map(([factor, size]) => `${factor} * ${size}`).join(' + ');
        const expected = terms.reduce((sum, [factor, size]) => sum + factor * SIZES[size], 0);
        expect(compileFormula(source, KNOWN, 'k').evaluate(SIZES)).to.equal(expected);
      }),
    );
  });

  it('refuses unknown sizes, other functions and operators, and what is no expression, naming the place', () => {
    for (const source of ['rows', 'tokens ** 2', 'sqrt(tokens)', 'tokens +', 'tokens.length', "'x'", 'a = 1', '']) {
      expect(() => compileFormula(source, KNOWN, 'kernels.x.0.bytes'), source).to.throw(
        BadInputError,
        /^kernels\.x\.0\.bytes is /,
      );
    }
  });
});
