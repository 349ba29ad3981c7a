import { expect } from 'chai';
import type { Analysis } from '../analysis.js';
import { analysed, kernel, traceText } from '../trace.test-helper.js';
import type { Files } from '../trace.test-helper.js';

/** A trace that says which rank it is, like no other. */
const trace = (rank: number, ts: number): string =>
  traceText(rank, [kernel('gemm', 7, ts, 50), kernel('x', 7, ts + 60, 9)]);

async function analysisOf(files: Files): Promise<Analysis> {
  return (await analysed(files)).analysis;
}

const told = ({ problems }: Analysis): string[] =>
  problems.filter(({ partial }) => partial).map(({ message }) => message);

describe('engines that serve side by side', () => {
  it('are told apart by their folders: the first is analysed, the others are named in a sentence each', async () => {
    const analysis = await analysisOf({
      'engine0/r0.json': trace(0, 10),
      'engine0/r1.json': trace(1, 20),
      'engine1/r0.json': trace(0, 30),
      'engine1/r1.json': trace(1, 40),
      'engine2/r0.json': trace(0, 50),
    });
    expect([analysis.ranks, analysis.kernels, analysis.partial]).to.deep.equal([2, 4, true]);
    expect(told(analysis)).to.have.length(2);
    expect(told(analysis)[0]).to.match(
      /engine1\/r0\.json and 1 trace beside it say rank 0 as .*engine0\/r0\.json does, which is of another engine or capture; left out: analyse them by themselves/,
    );
    expect(told(analysis)[1]).to.match(/engine2\/r0\.json says rank 0 .*: analyse it by itself/);
  });

  it('are told apart by names', async () => {
    for (const names of [
      ['dp0_tp0.json', 'dp1_tp0.json'],
      ['a-TP-0.json', 'b-TP-0.json'],
      ['engine-0.json', 'engine-1.json'],
    ]) {
      const analysis = await analysisOf(Object.fromEntries(names.map((name, at) => [name, trace(0, 100 * at)])));
      expect(analysis.ranks).to.equal(1);
      expect(told(analysis), names.join()).to.have.length(1);
      expect(told(analysis)[0]).to.include(`${names[1]} says rank 0`);
    }
  });

  it('never lend a rank to each other', async () => {
    const analysis = await analysisOf({
      'engine0/r0.json': trace(0, 10),
      'engine0/r2.json': trace(2, 20),
      'engine1/r0.json': trace(0, 30),
      'engine1/r1.json': trace(1, 40),
      'engine1/r2.json': trace(2, 50),
    });
    expect(analysis.ranksSummary.map(({ rank }) => rank)).to.deep.equal([0, 2]);
  });

  it('are not made of a folder for each rank, of which one is there twice', async () => {
    const analysis = await analysisOf({
      'a/t.json': trace(0, 10),
      'b/t.json': trace(1, 20),
      'c/t.json': trace(1, 30),
      'd/t.json': trace(2, 40),
    });
    expect(analysis.ranks).to.equal(3);
    expect(told(analysis)).to.have.length(1);
    expect(told(analysis)[0]).to.match(/c\/t\.json claims rank 1, which .*b\/t\.json has already/);
  });

  it('are not taken for copies of each other, nor copies for engines', async () => {
    const analysis = await analysisOf({ 'x/r0.json': trace(0, 10), 'y/r0.json': trace(0, 10) });
    expect([analysis.ranks, analysis.partial]).to.deep.equal([1, false]);
  });
});
