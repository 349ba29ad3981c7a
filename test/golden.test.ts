import { expect } from 'chai';
import { SCENARIOS, small } from './support/configuration.js';
import { replayedDigest, runLocally } from './support/local-run.js';

/**
 * Digests of small runs. A change here is a change of virtual time: it must be meant, and said in the commit that
 * changes it.
 */
const GOLDEN = {
  train: 'bf1ba4c9d66ce5c2455d369fb37a8c81b7d0b0c71084d97fb845837d02655e7f',
  prefill: '1f17414bf9e3267f73feee0a20dbfe36995f67000cf3f2044d61f9c882e9924f',
  decode: 'd69408866f9923d4d15584ae357505ed4bbf6ba721aab85f4d98d65497091d95',
} as const;

describe('golden digests', () => {
  for (const scenario of SCENARIOS) {
    it(`of a small ${scenario} are what they were, live and replayed`, async () => {
      const run = await runLocally(small(scenario));
      expect(run.digest).to.equal(GOLDEN[scenario]);
      expect(replayedDigest(run)).to.equal(GOLDEN[scenario]);
    });
  }
});
