import { expect } from 'chai';
import { siliconCollectives, siliconUse, tellsOfLaw } from './silicon-collectives.js';

describe('siliconCollectives', () => {
  it('has every row of both tables, by GPU', () => {
    const counts = new Map<string, number>();
    for (const { mode, gpu } of siliconCollectives())
      counts.set(`${mode} ${gpu}`, (counts.get(`${mode} ${gpu}`) ?? 0) + 1);
    expect(Object.fromEntries(counts)).to.deep.equal({
      ...{ 'normal h100': 1741, 'normal b200': 1518, 'normal gb200': 1518 },
      ...{ 'low-latency h100': 164, 'low-latency b200': 66, 'low-latency gb200': 66 },
    });
  });

  it('takes more time for more tokens, all else alike, where rows tell of links and SMs', () => {
    const rows = siliconCollectives().filter((row) => tellsOfLaw(row, 'combine'));
    const last = new Map<string, (typeof rows)[number]>();
    for (const row of [...rows].sort((a, b) => a.tokens - b.tokens)) {
      const key = [row.mode, row.gpu, row.software, row.nodes, row.hidden, row.topK, row.experts, row.sms].join(' ');
      const before = last.get(key);
      if (before !== undefined && row.tokens > 256) expect(row.combineUs, key).to.be.above(before.combineUs);
      last.set(key, row);
    }
  });

  it('leaves a third to two thirds of what tells of a law out of the fits', () => {
    const rows = siliconCollectives().filter((row) => tellsOfLaw(row, 'combine'));
    const share = rows.filter((row) => siliconUse(row) === 'held-out').length / rows.length;
    expect(share).to.be.within(1 / 3, 2 / 3);
  });

  it('takes no dispatch of eight nodes for a law', () => {
    const rows = siliconCollectives().filter(({ mode, nodes }) => mode === 'normal' && nodes === 8);
    expect(rows).not.to.be.empty;
    expect(rows.filter((row) => tellsOfLaw(row, 'dispatch'))).to.be.empty;
  });
});
