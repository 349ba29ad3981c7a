import { expect } from 'chai';
import { GEMM, analysedRanks, kernel } from '../trace.test-helper.js';
import type { Item } from '../trace.test-helper.js';

const DISPATCH = 'void deep_ep::internode_ll::dispatch<true, false, 7168>(void*, int)';
const COMBINE = '_ZN7deep_ep12internode_ll7combineILb1ELi7168EEEvPvi';

/** Kernels one after the other: `D12` is a dispatch of 12 µs, `C` a combine, `G` a product on the stream that computes. */
function launched(text: string, stream = 7): Item[] {
  let now = 0;
  return text.split(' ').map((word) => {
    const us = Number(word.slice(1));
    now += us + 1;
    const name = word.startsWith('D') ? DISPATCH : word.startsWith('C') ? COMBINE : GEMM;
    return kernel(name, word.startsWith('G') ? 7 : stream, now - us, us);
  });
}

/** @returns what the launches of a rank were taken for, in order: `s` for a send, `r` for a receive, `-` for a whole. */
async function halves(...ranks: readonly (readonly Item[])[]): Promise<string> {
  const { set } = await analysedRanks(ranks);
  const letters = { send: 's', receive: 'r', transfer: '-', layout: '?', notify: '?' };
  const ofRank = set.ranks.map(({ content: { kernels } }) =>
    Array.from(kernels.kernel, (kernel) => set.identities[kernel].collective)
      .map((collective) => (collective === undefined ? '' : letters[collective.role]))
      .join(''),
  );
  return ofRank.join(' ');
}

const times = (count: number, text: string): string => new Array<string>(count).fill(text).join(' ');

describe('launches of a low-latency collective', () => {
  it('are halves where each kind comes twice on the stream that computes, whichever half takes longer', async () => {
    expect(await halves(launched(times(3, 'D5 G50 D6 G90 C9 G50 C7 G80')))).to.equal('srsrsrsrsrsr');
    expect(await halves(launched(times(3, 'D5 D5 G90 C5 C5')))).to.equal('srsrsrsrsrsr');
  });

  for (const name of [
    'dpsk::ep::internode::X_ll',
    'deep_ep::internode_ll::X_opt1_hidden6144',
    'nixl_ep::X',
    'mooncake::X',
  ]) {
    it(`are halves under the names ${name} as well`, async () => {
      const events = launched(times(3, 'D5 G50 D6 G90 C9 G50 C7 G80')).map((item) => {
        const kind = item.name === DISPATCH ? 'dispatch' : 'combine';
        return item.name === GEMM ? item : { ...item, name: `void ${name.replace('X', kind)}<3, 10, 7168>(void*)` };
      });
      expect(await halves(events)).to.equal('srsrsrsrsrsr');
    });
  }

  it('are halves where a capture begins between two of them', async () => {
    expect(await halves(launched(`D6 G90 C9 G50 C7 G80 ${times(3, 'D5 G50 D6 G90 C9 G50 C7')}`))).to.equal(
      'rsrsrsrsrsrsrsr',
    );
  });

  it('are halves where micro-batches take turns, by how long each other launch takes', async () => {
    expect(await halves(launched(times(4, 'D5 G50 C8 G20 D30 G50 C40 G20')))).to.equal('ssrr'.repeat(4));
  });

  it('are halves on every rank where they are on most, though one that is late waits for nobody', async () => {
    const usual = launched(times(3, 'D5 G50 C8 G20 D30 G50 C40 G20'));
    const late = launched(times(3, 'D5 G90 C8 G60 D5 G90 C8 G60'));
    expect(await halves(usual, late, usual)).to.equal(new Array<string>(3).fill('ssrrssrrssrr').join(' '));
  });

  it('are whole where one is like the other, or on a stream of their own', async () => {
    expect(await halves(launched(times(4, 'D30 G50 C41 G50 D33 G50 C39 G50')))).to.equal('-'.repeat(16));
    expect(await halves(launched(times(3, 'D30 G50 D32 G50 C41 G50 C39 G50'), 27))).to.equal('-'.repeat(12));
  });

  it('are what annotations say, whatever their order', async () => {
    const events = launched('D5 D5 D6 D6');
    const ranges = ['issue DISPATCH(0)', 'issue DISPATCH(1)', 'wait DISPATCH(0)', 'wait DISPATCH(1)'].map((name, i) => {
      return { ph: 'X', cat: 'gpu_user_annotation', name, pid: 0, tid: 7, ts: events[i].ts, dur: events[i].dur };
    });
    expect(await halves([...events, ...ranges])).to.equal('ssrr');
  });
});
