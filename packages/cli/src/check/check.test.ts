import { readFileSync } from 'node:fs';
import { BadInputError } from '@epemu/core';
import { expect } from 'chai';
import fc from 'fast-check';
import { checkText } from './check-text.js';
import { SHORT_NAMES, allFigures, keysOf } from './figures.js';
import { githubText } from './github.js';
import { junitText } from './junit.js';
import { checkAll } from './outcome.js';
import type { CheckOutcome } from './outcome.js';
import { parseRequirement } from './requirement.js';

const REPORT = {
  ...{ schema: 'epemu-report/1', status: 'ok', digest: 'abc', throughput: { stepMs: 61, tpotMs: 61 } },
  timeline: { spanUs: 9000, layerUs: { mean: 2000, min: 1900, max: 2100 }, exposedCommPct: 9, overlapGain: 1.4 },
  steady: { spanUs: 4000, layerUs: { mean: 1757, min: 1700, max: 1800 }, exposedCommPct: 4.23, overlapGain: 1.5 },
  phases: [
    { name: 'MLP(0)', meanUs: 600, exposedUs: 0 },
    { name: 'DISPATCH(0)', meanUs: 40, exposedUs: 12.5 },
  ],
  ranksSummary: [
    { rank: 0, exposedCommPct: 3 },
    { rank: 1, exposedCommPct: 7 },
  ],
  memory: { fits: true, gigabytes: { kvCache: 36.9, total: 74.7 } },
};

function outcomes(...texts: string[]): CheckOutcome[] {
  return checkAll({ name: 'runs/it', json: REPORT }, texts.map(parseRequirement));
}

function refusal(text: string, json: unknown = REPORT): string {
  try {
    checkAll({ name: 'runs/it', json }, [parseRequirement(text)]);
  } catch (error) {
    if (error instanceof BadInputError) return error.message;
    throw error;
  }
  throw new Error(`${text} was taken`);
}

const one = (text: string): CheckOutcome => outcomes(text)[0];

describe('a requirement', () => {
  it('holds a figure against a number in the figure’s own unit, or in another of the same kind', () => {
    expect(one('steady.exposedCommPct<=5')).to.include({ holds: true, value: 4.23, valueText: '4.23 %' });
    expect(one('steady.layerUs.mean <= 1.8ms')).to.include({ holds: true, bound: 1800, unit: 'µs' });
    expect(one('steady.layerUs.mean<=0.0017s')).to.include({ holds: false, bound: 1700 });
    expect(one('throughput.tpotMs<61000us')).to.include({ holds: false, bound: 61 });
    expect(one('memory.gigabytes.kvCache<=40000 MB')).to.include({ holds: true, bound: 40 });
  });

  it('knows all operators at the bound itself', () => {
    const at = (operator: string): boolean => one(`timeline.spanUs${operator}9000`).holds;
    expect(['<=', '>=', '==', '<', '>', '!='].map(at)).to.deep.equal([true, true, true, false, false, false]);
  });

  it('has short names, which mean the steady layers, or the whole where there are none', () => {
    expect(one('layer<=35ms')).to.include({ path: 'steady.layerUs.mean', value: 1757 });
    expect(one('exposed<5%')).to.include({ path: 'steady.exposedCommPct' });
    const [whole] = checkAll({ name: 'x', json: { ...REPORT, steady: null } }, [parseRequirement('layer<=35ms')]);
    expect(whole).to.include({ path: 'timeline.layerUs.mean', value: 2000 });
  });

  it('takes an entry of a list by its name or number, and of all the worst', () => {
    expect(one('phases[DISPATCH(0)].exposedUs<=20us')).to.include({ value: 12.5, holds: true });
    expect(one('phases[0].meanUs<=1')).to.include({ value: 600 });
    expect(one('ranksSummary[*].exposedCommPct<=5')).to.include({ value: 7, holds: false });
    expect(one('ranksSummary[*].exposedCommPct>=5')).to.include({ value: 3, holds: false });
    expect(one('ranksSummary.1.exposedCommPct==7')).to.include({ holds: true });
  });

  it('takes words where a figure is one', () => {
    expect(one('memory.fits==true')).to.include({ holds: true });
    expect(one('digest!=abc')).to.include({ holds: false, valueText: 'abc' });
  });

  it('holds for a number exactly where the number compares so, whatever unit it is written in', () => {
    const units = fc.constantFrom<readonly [string, number]>(['ns', 1e3], ['us', 1], ['ms', 1e-3], ['', 1]);
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 10_000 }), units, (bound, [name, scale]) => {
        const text = `timeline.layerUs.mean<=${bound * scale}${name}`;
        expect(one(text).holds, text).to.equal(2000 <= bound);
      }),
    );
  });

  const REFUSED: readonly (readonly [text: string, words: RegExp])[] = [
    ['', /is no requirement; write a figure, an operator and a number, such as/],
    ['layer', /--require layer is no requirement/],
    ['layer=5', /unknown operator =; use one of <=/],
    ['layer=<5', /unknown operator =</],
    ['layer<=', /no requirement/],
    ['layer<=fast', /has fast where a number stands/],
    ['layer<=5 parsec', /unknown unit parsec; use one of ns, us, ms/],
    ['layer<=5%', /is in %, but steady.layerUs.mean is in µs/],
    ['gain>=1ms', /is in ms, but steady.overlapGain has no unit/],
    ['layr<=5', /runs\/it has no layr in layr; did you mean layer\?/],
    ['steady.exposedCommPt<=5', /has no exposedCommPt in .*did you mean exposedCommPct\?/],
    ['phases[MLP(1)].meanUs<=5', /has no MLP\(1\) in .*did you mean \[MLP\(0\)\]\?/],
    ['steady<=5', /steady is no figure but holds some; add one of spanUs, layerUs/],
    ['phases.meanUs<=5', /has no meanUs in phases.meanUs; there are \[MLP\(0\)\], \[DISPATCH\(0\)\], \[\*\]/],
    ['digest<=5', /digest is abc, no number; give a word with ==/],
    ['timeline.spanUs==fast', /timeline.spanUs is a number; give one/],
  ];
  for (const [text, words] of REFUSED) {
    it(`${JSON.stringify(text)} is refused in a sentence`, () => {
      expect(refusal(text)).to.match(words).and.not.include('\n');
    });
  }

  it('is refused where the run has no value of the figure', () => {
    expect(refusal('tpot<=5', { throughput: { tpotMs: null } })).to.include('has no value of throughput.tpotMs');
  });

  it('of a list that an outline has not filled yet is not judged', () => {
    const source = { name: 'the report', json: { phases: [], steady: {} }, isOutline: true };
    expect(checkAll(source, [parseRequirement('phases[MLP(0)].meanUs<=5')])).to.deep.equal([]);
    expect(() => checkAll(source, [parseRequirement('steady.spnUs<=5')])).to.throw(BadInputError, 'spnUs');
  });
});

describe('the outcome of requirements', () => {
  const both = outcomes('layer<=1500us', 'exposed<=5%');

  it('is a table with each figure’s value, what does not hold with how far, and a line that counts', () => {
    expect(checkText(both)).to.match(/^FAIL +steady\.layerUs\.mean +1757 µs +<= +1500 µs, 17\.1 % beyond it$/m);
    expect(checkText(both)).to.match(/^ok +steady\.exposedCommPct +4\.23 % +<= +5 %$/m);
    expect(checkText(both)).to.match(/\n1 of 2 requirements does not hold\n$/);
    expect(checkText(outcomes('layer<=2ms'))).to.match(/\nthe requirement holds\n$/);
  });

  it('is a JUnit report whose text is XML whatever names hold', () => {
    const text = junitText('runs/a&b "c"', both);
    expect(text).to.include('<testsuite name="epemu check" tests="2" failures="1"');
    expect(text).to.include('classname="runs/a&amp;b &quot;c&quot;" name="layer&lt;=1500us"');
    expect(text.match(/<failure type="requirement" message="[^"<]*1757 µs[^"<]*"\/>/g)).to.have.length(1);
  });

  it('is an annotation of each failure, or one notice, with nothing that ends a workflow command', () => {
    const lines = githubText('runs/it', both).trimEnd().split('\n');
    expect(lines).to.have.length(1);
    expect(lines[0]).to.match(
      /^::error title=epemu%3A layer<=1500us::steady\.layerUs\.mean is 1757 µs, but .*17\.1 %25 beyond it/,
    );
    expect(githubText('a\nb', outcomes('exposed<=5%'))).to.match(/^::notice title=.*4\.23 %25 \(a%0Ab\)\n$/);
  });
});

describe('the figures of a report', () => {
  it('have the short names that the documentation lists', () => {
    const page = readFileSync(new URL('../../../../docs/budgets.md', import.meta.url), 'utf8');
    const listed = [...page.matchAll(/^\| `([a-z]+)` +\| `([\w.]+)` +\|$/gm)].map(([, name, path]) => [name, path]);
    expect(listed).to.deep.equal(Object.entries(SHORT_NAMES).map(([name, [path]]) => [name, path]));
  });

  it('are all that are in no list', () => {
    const paths = allFigures(REPORT).map(({ keys }) => keys.join('.'));
    expect(paths).to.include.members(['steady.layerUs.mean', 'memory.fits']).and.not.include('phases.0.meanUs');
  });

  it('have keys in brackets as they are', () => {
    expect(keysOf('phases[a.b(0)].meanUs')).to.deep.equal(['phases', 'a.b(0)', 'meanUs']);
  });
});
