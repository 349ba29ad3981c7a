import { expect } from 'chai';
import fc from 'fast-check';
import type { Analysis } from '../analysis.js';
import { SCENES, eventsOf } from '../path/random-set.test-helper.js';
import { COMBINE, DISPATCH, GEMM, NOTIFY, analysed, analysedRanks, kernel, traceText } from '../trace.test-helper.js';
import type { Files, Item } from '../trace.test-helper.js';

/** Ranks that are `late` µs behind the first, layer by layer: compute, notify, dispatch. */
function layers(count: number, late: readonly number[]): Item[][] {
  return late.map((us) =>
    Array.from({ length: count }, (_, layer) => {
      const at = layer * 1000;
      const arrived = at + 100 + us;
      return [
        kernel(GEMM, 7, at, 100 + us),
        kernel(NOTIFY, 27, arrived, at + 100 + Math.max(...late) + 5 - arrived),
        kernel(layer % 3 === 2 ? COMBINE : DISPATCH, 27, at + 110 + Math.max(...late), 50),
      ];
    }).flat(),
  );
}

/** Each rank on a clock of its own: every `ts` moved, in a file of its own. */
function onClocks(ranks: readonly (readonly Item[])[], offsets: readonly number[]): Files {
  return Object.fromEntries(
    ranks.map((events, rank) => {
      const moved = events.map((item) => ({ ...item, ts: Number(item.ts) + offsets[rank] }));
      return [`rank-${rank}.json`, traceText(rank, moved)];
    }),
  );
}

/** What must not depend on clocks. */
function independent({ collectives, stragglers, criticalPath, timeline }: Analysis): unknown {
  return {
    skews: collectives.map(({ skewUs, lastRank, lateUs, startUs }) => ({ skewUs, lastRank, lateUs, startUs })),
    stragglers,
    byKind: criticalPath?.byKind,
    byRank: criticalPath?.byRank,
    spanUs: timeline.spanUs,
    exposedUs: timeline.exposedCommUs,
  };
}

describe('captures on clocks of their own', () => {
  const ranks = layers(8, [0, 40, 10, 25]);

  it('are brought onto one clock by the collectives that they share', async () => {
    const { analysis: plain } = await analysedRanks(ranks);
    expect(plain.alignment).to.deep.include({ applied: false, violationUs: { before: 0, after: 0 } });
    const offsets = [0, 2_500_000, -1_000_123, 77];
    const { analysis } = await analysed(onClocks(ranks, offsets));
    expect(analysis.alignment!.applied).to.equal(true);
    expect(analysis.alignment!.offsets).to.deep.equal(offsets.map((aheadUs, rank) => ({ rank, aheadUs })));
    expect(analysis.alignment!.violationUs.after).to.equal(0);
    expect(independent(analysis)).to.deep.equal(independent(plain));
    const [{ message, partial }] = analysis.problems;
    expect(message).to.match(
      /^clocks were moved \(rank 1 by -2500000\.0 µs, rank 2 by 1000123\.0 µs, rank 3 by -77\.0 µs\).*up to [\d.]+ µs before/,
    );
    expect(partial).to.equal(false);
  });

  it('may count from epochs, fractions of µs included', async () => {
    const { analysis: plain } = await analysedRanks(ranks);
    const epoch = 1_740_461_679_471_346;
    for (const offsets of [
      [epoch, epoch, epoch, epoch],
      [epoch, epoch + 1_000_000.5, epoch - 3_000_000, epoch + 12_345],
    ]) {
      const { analysis } = await analysed(onClocks(ranks, offsets));
      expect(independent(analysis)).to.deep.equal(independent(plain));
    }
  });

  it('give the figures of one clock, whatever the scene and the clocks', async () => {
    const offset = fc.integer({ min: -3_000_000, max: 3_000_000 });
    const scenes = SCENES.filter(({ ranks: count, steps }) => {
      // Without a moment that all leave at once, nothing tells the clocks.
      return count > 1 && steps.filter(({ kind }) => kind === 'notified').length > steps.length / 2;
    });
    await fc.assert(
      fc.asyncProperty(scenes, fc.array(offset, { minLength: 4, maxLength: 4 }), async (scene, offsets) => {
        const events = eventsOf({ ...scene, steps: scene.steps.filter(({ kind }) => kind !== 'plain') });
        const [{ analysis: plain }, { analysis: moved }] = await Promise.all([
          analysedRanks(events, { align: 'always' }),
          analysed(onClocks(events, offsets), { align: 'always' }),
        ]);
        expect(independent(moved)).to.deep.equal(independent(plain));
      }),
      { numRuns: 60 },
    );
  });

  it('are left as they are where that is asked for', async () => {
    const { analysis } = await analysed(onClocks(ranks, [0, 5000, 0, 0]), { align: 'never' });
    expect(analysis.alignment).to.deep.include({ applied: false, offsets: [] });
    expect(analysis.alignment!.violationUs.before).to.be.greaterThan(4000);
  });
});

describe('captures whose clocks nothing tells', () => {
  const far = 1_000_000_000_000;
  const gemms = (at: number): Item[] => [kernel(GEMM, 7, at, 100), kernel(GEMM, 7, at + 200, 400)];
  const [first, second] = layers(6, [0, 40]);
  const other = [DISPATCH, COMBINE, COMBINE, COMBINE, DISPATCH].map((name, i) => kernel(name, 27, i * 100, 50));

  for (const [what, third, spanUs] of [
    ['has no communication', gemms(0), 600],
    ['has collectives in another order', other, 450],
  ] as const) {
    it(`start by themselves where a rank ${what}, and say so`, async () => {
      const { analysis: pair } = await analysed(onClocks([first, second], [0, 0]));
      for (const offset of [far, -far]) {
        const { analysis } = await analysed(onClocks([first, second, third], [0, 0, offset]));
        expect(analysis.timeline.spanUs).to.equal(pair.timeline.spanUs);
        expect(analysis.ranksSummary[2].spanUs).to.equal(spanUs);
        expect(analysis.collectives).to.deep.equal(pair.collectives);
        expect(analysis.stragglers).to.deep.equal(pair.stragglers);
        expect(analysis.partial).to.equal(true);
        expect(analysis.problems.map(({ message }) => message).join()).to.match(
          /rank 2 shares no .* starts at 0 by itself/,
        );
      }
    });

    it(`have no skew where one of two ${what}`, async () => {
      const { analysis } = await analysed(onClocks([first, third], [0, far]));
      expect(analysis.timeline.spanUs).to.equal(analysis.ranksSummary[0].spanUs);
      expect([analysis.collectives, analysis.stragglers, analysis.alignment]).to.deep.equal([[], [], null]);
      expect(analysis.timeline.overlapGain).to.be.greaterThan(0);
    });
  }

  it('are brought together with those that collectives tell, whatever clock the rest is on', async () => {
    const { analysis: pair } = await analysed(onClocks([first, second], [0, 0]));
    const { analysis } = await analysed(onClocks([first, second, gemms(0)], [0, far, far / 2]));
    expect(analysis.alignment!.offsets.map(({ aheadUs }) => aheadUs)).to.deep.equal([0, far]);
    expect([analysis.collectives, analysis.timeline.spanUs]).to.deep.equal([pair.collectives, pair.timeline.spanUs]);
  });

  it('stay as they are where times overlap, or where that is asked for', async () => {
    const { analysis } = await analysed(onClocks([first, second, gemms(0)], [0, 0, 1000]));
    expect(analysis.problems).to.deep.equal([]);
    const { analysis: left } = await analysed(onClocks([first, gemms(0)], [0, 1_000_000]), { align: 'never' });
    expect(left.timeline.spanUs).to.be.greaterThan(1_000_000);
  });
});

/** A reduction of a process group, as PyTorch's profiler describes it. */
function reduction(group: string, ranks: string, ts: number, dur: number): Item {
  const args = { stream: 27, 'Process Group Name': group, 'Process Group Ranks': ranks, 'Group size': 2 };
  return kernel('ncclDevKernel_AllReduce_Sum_bf16_RING_LL(x)', 27, ts, dur, { args });
}

describe('collectives of several process groups', () => {
  /** Two pairs of ranks, a pipeline's stages: each reduces within itself. */
  const pairs = (laterUs: number): Item[][] =>
    [0, 1, 2, 3].map((rank) => {
      const stage = rank >> 1;
      const [name, members] = [
        ['ep0', '[0, 1]'],
        ['ep1', '[2, 3]'],
      ][stage];
      const late = rank % 2 === 1 ? 30 : 0;
      return [0, 1000, 2000].flatMap((at) => {
        const begun = at + stage * laterUs;
        return [kernel(GEMM, 7, begun, 100 + late), reduction(name, members, begun + 100 + late, 60 - late)];
      });
    });

  for (const laterUs of [350, 20_000]) {
    it(`are matched within each, and leave clocks alone where a group is ${laterUs} µs later`, async () => {
      for (const offset of [0, 1_700_000_000_000_000]) {
        const { analysis } = await analysed(onClocks(pairs(laterUs), new Array<number>(4).fill(offset)));
        expect(analysis.problems).to.deep.equal([]);
        expect(analysis.alignment).to.deep.include({ applied: false, offsets: [] });
        expect(analysis.timeline.spanUs).to.equal(2160 + laterUs);
        expect(
          analysis.collectives.map(({ firstRank, lastRank, skewUs }) => [firstRank, lastRank, skewUs]),
        ).to.have.deep.members([0, 0, 0, 2, 2, 2].map((first) => [first, first + 1, 30]));
        expect(analysis.stragglers.map(({ timesLast, timesLastPct }) => [timesLast, timesLastPct])).to.deep.equal([
          [0, 0],
          [3, 100],
          [0, 0],
          [3, 100],
        ]);
      }
    });
  }

  it('tell the clocks of their own ranks, and of those that two groups join', async () => {
    const wrong = onClocks(pairs(20_000), [0, 5_000_000, 0, 0]);
    const { analysis } = await analysed(wrong);
    expect(analysis.alignment!.offsets).to.deep.equal([0, 1].map((rank) => ({ rank, aheadUs: 5_000_000 * rank })));
    expect(analysis.timeline.spanUs).to.equal(22_160);
    // A third group of one rank of each pair.
    const across = pairs(350).map((events, rank) =>
      rank % 2 === 0 ? [...events, reduction('pp', '[0, 2]', 3000 + rank * 10, 100 - rank * 10)] : events,
    );
    const offsets = [0, 7_000_000, -3_000_000, 11_000_000];
    const { analysis: joined } = await analysed(onClocks(across, offsets));
    expect(joined.alignment!.offsets).to.deep.equal(offsets.map((aheadUs, rank) => ({ rank, aheadUs })));
    const { analysis: plain } = await analysed(onClocks(across, [0, 0, 0, 0]));
    expect(joined.timeline).to.deep.equal(plain.timeline);
  });
});

describe('clocks that drift', () => {
  it('are said to contradict collectives by more than can be aligned', async () => {
    const drifting = (us: number): Files =>
      onClocks(
        [0, 1].map((rank) =>
          layers(8, [0, 40])[rank].map((item) => ({
            ...item,
            ts: Number(item.ts) + rank * us * Math.floor(Number(item.ts) / 1000),
          })),
        ),
        [0, 0],
      );
    const { analysis: steady } = await analysed(drifting(1));
    expect(steady.problems).to.deep.equal([]);
    const { analysis } = await analysed(drifting(60));
    const { message, partial } = analysis.problems.at(-1)!;
    expect(analysis.alignment!.violationUs.after).to.be.greaterThan(10);
    expect(message).to.include(`by up to ${analysis.alignment!.violationUs.after.toFixed(1)} µs`);
    expect([partial, analysis.partial]).to.deep.equal([false, false]);
  });
});

describe('collectives of several captures', () => {
  const ranks = layers(9, [0, 30, 10]);

  it('are matched where one capture begins some collectives later or ends earlier', async () => {
    const cut = [
      ranks[0],
      ranks[1].filter(({ ts }) => Number(ts) >= 2000),
      ranks[2].filter(({ ts }) => Number(ts) < 8000),
    ];
    for (const offsets of [
      [0, 0, 0],
      [0, 1_000_000, -500_000],
    ]) {
      const { analysis } = await analysed(onClocks(cut, offsets));
      expect(analysis.problems.filter(({ message }) => !message.startsWith('clocks were moved'))).to.deep.equal([]);
      expect(analysis.collectives).to.have.lengthOf(6);
      for (const { skewUs, lastRank } of analysis.collectives) {
        expect({ skewUs, lastRank }).to.deep.equal({ skewUs: 30, lastRank: 1 });
      }
    }
  });

  it('leave a rank out whose order is another, and say so', async () => {
    const other = [DISPATCH, COMBINE, COMBINE, COMBINE, DISPATCH].map((name, i) => kernel(name, 27, i * 100, 50));
    const { analysis } = await analysed(onClocks([ranks[0], ranks[1], other], [0, 0, 0]));
    expect(analysis.partial).to.equal(true);
    expect(analysis.problems.map(({ message }) => message).join()).to.match(/rank 2 ran collectives in another order/);
    expect(analysis.collectives).to.have.lengthOf(9);
    for (const { firstRank, lastRank } of analysis.collectives) expect([firstRank, lastRank]).to.deep.equal([0, 1]);
  });

  it('are matched stream by stream where ranks came to those of two streams one way and the other', async () => {
    const reduce = (at: number): Item => kernel('ncclDevKernel_AllReduce_Sum_bf16', 30, at, 20);
    const layer = (rank: number, at: number): Item[] => {
      const [dispatch, reduced] = rank === 1 ? [at + 5, at] : [at, at + 5];
      return [kernel(DISPATCH, 27, dispatch, at + 40 - dispatch), { ...reduce(reduced), dur: at + 30 - reduced }];
    };
    const { analysis } = await analysedRanks([0, 1, 2].map((rank) => [0, 100, 200].flatMap((at) => layer(rank, at))));
    expect(analysis.problems).to.deep.equal([]);
    expect(analysis.collectives.map(({ skewUs, lastRank }) => `${skewUs} ${lastRank}`)).to.deep.equal(
      [0, 1, 2].flatMap(() => ['5 1', '5 2']),
    );
    expect(analysis.criticalPath).not.to.equal(null);
  });

  it('show who comes late, and by how much', async () => {
    const { analysis } = await analysedRanks(layers(9, [0, 0, 200, 0, 10]));
    expect(analysis.stragglers.filter(({ straggler }) => straggler).map(({ rank }) => rank)).to.deep.equal([2]);
    expect(analysis.stragglers[2]).to.include({ timesLast: 9, timesLastPct: 100, meanLateUs: 200 });
    expect(analysis.criticalPath!.byRank[0].rank).to.equal(2);
  });
});
