import type { Analysis } from '@epemu/analysis';
import { expect } from 'chai';
import { ceilingsText, exposedText, stragglerText } from './analysis-finding.js';

/** A change that would save so many %. */
function answer(
  id: string,
  what: string,
  savedPct: number,
): { id: string; what: string } & Record<string, number | string> {
  return { id, what, endUs: 100 - savedPct, savedUs: savedPct, savedPct };
}

function path(...answers: ReturnType<typeof answer>[]): Pick<Analysis, 'criticalPath'> {
  return { criticalPath: { answers } } as unknown as Analysis;
}

describe('what would help, in words', () => {
  it('gives what links, an even rank and one phase would bring as ceilings, and what bounds them all', () => {
    const answers = [
      answer('double-nic-bandwidth', 'NICs have twice the bandwidth', 8),
      answer('faster A', 'A takes 20 % less time', 3),
      answer('faster B', 'B takes 20 % less time', 2),
      answer('free-communication', 'communication takes no time', 20),
    ];
    const text = ceilingsText(path(...answers));
    expect(text).to.include('at most 8.0 µs (8.00 %) earlier if NICs have twice the bandwidth');
    expect(text).to.include('earlier if A takes').and.to.include('(20.00 %) earlier if communication takes no time');
    expect(text).not.to.include('B takes');
  });

  it('says nothing of what brings nothing, and that nothing helps where nothing does', () => {
    const none = [answer('double-nic-bandwidth', 'NICs', 0.05), answer('free-communication', 'no time', 0)];
    expect(ceilingsText(path(...none))).to.equal(
      'Replayed, nothing that can be asked of it would end it earlier. Even free communication would end it no earlier.',
    );
    expect(ceilingsText({ criticalPath: null })).to.equal('');
  });
});

describe('a finding', () => {
  const steady = { exposedCommPct: 12.345 };
  const piece = {
    ...{ rank: 3, phase: 'DISPATCH(1)', startUs: 12_345, us: 678.4, blocked: 'MLP(1)' },
    ...{ waitsFor: 'transfer', lastRank: null },
  };
  const of = (more: object): Analysis =>
    ({ steady, timeline: { ...steady, commUs: 1 }, steadyExposed: [piece], ...more }) as unknown as Analysis;

  it('says where the largest exposed piece of the steady layers is, what it holds up and how much is exposed', () => {
    expect(exposedText(of({}))).to.equal(
      'The largest exposed piece of the steady layers is 678 µs of DISPATCH(1) on rank 3 at 12.35 ms: its bytes are ' +
        'still on their way, which holds up MLP(1); 12.35 % of the steady layers is exposed in all.',
    );
    expect(exposedText(of({ steady: null }))).to.include('of the whole is 678 µs');
    expect(exposedText(of({ steadyExposed: [{ ...piece, blocked: null }] }))).not.to.include('holds up');
    expect(exposedText(of({}), new Set(['DISPATCH(1)']))).to.include('it waits for what another role sends');
  });

  it('says so where nothing is exposed, or nothing communicates', () => {
    expect(exposedText(of({ steadyExposed: [] }))).to.include('No communication is exposed in the steady layers');
    expect(exposedText(of({ steadyExposed: [], timeline: { commUs: 0 } }))).to.include('no communication');
  });

  it('names who keeps others waiting, the latest first, and nobody else', () => {
    const rank = (number: number, meanLateUs: number, straggler: boolean): object => {
      return { rank: number, timesLastPct: 50, meanLateUs, computeOverMedianPct: 20, straggler };
    };
    const text = stragglerText(of({ stragglers: [rank(1, 5, true), rank(2, 9, true), rank(3, 90, false)] }));
    expect(text).to.match(/^Others are kept waiting: rank 2 comes last .*; rank 1 comes last/);
    expect(text).not.to.include('rank 3');
    expect(stragglerText(of({ stragglers: [rank(3, 90, false)] }))).to.equal('');
  });
});
