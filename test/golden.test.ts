import { replay } from '@epemu/timeline';
import type { RankTimeline } from '@epemu/timeline';
import { expect } from 'chai';
import { SCENARIOS, small } from './support/configuration.js';
import { replayedDigest, runLocally } from './support/local-run.js';

/**
 * Digests of small runs. A change here is a change of virtual time: it must be meant, and said in the commit that
 * changes it.
 */
const GOLDEN = {
  train: '9273a4635054a154affe93afde71587d4e51c927168876e48e4e0781b7e710ca',
  prefill: 'beaacf94d3fb220e6c0da68c7c101a34792c8924ce2f857edc7a3f33f063890d',
  decode: '0fddc979fb958fa0b21675158f211fbcc32836796dc9aaed80d43ca14b5f033f',
} as const;

describe('golden digests', () => {
  for (const scenario of SCENARIOS) {
    it(`of a small ${scenario} are what they were, live and replayed`, async () => {
      const run = await runLocally(small(scenario));
      expect(run.digest).to.equal(GOLDEN[scenario]);
      expect(replayedDigest(run)).to.equal(GOLDEN[scenario]);
    });

    it(`of a small ${scenario} leave the launches out, on which live ranks and a replay agree`, async () => {
      const { configuration, program, timelines, records } = await runLocally(small(scenario));
      const launches = (of: readonly RankTimeline[]): number[][] =>
        of.map(({ events }) => [...events.column('launchNs')]);
      const live = launches(timelines);
      expect(launches(replay(configuration, program, records))).to.deep.equal(live);
      if (program.launch === 'graph') expect(new Set(live.flat())).to.deep.equal(new Set([0]));
      else expect(new Set(live[0]).size, 'one by one').to.equal(live[0].length);
    });
  }
});
