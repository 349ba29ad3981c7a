import { expect } from 'chai';
import { SCENARIOS, small } from './support/configuration.js';
import { replayedDigest, runLocally } from './support/local-run.js';

/**
 * Digests of small runs. A change here is a change of virtual time: it must be meant, and said in the commit that
 * changes it.
 */
const GOLDEN = {
  train: 'af8f62cf985fa90f1777798f400b020882060f1fc54bd4826de3b6d62e6af9d7',
  prefill: '434537668e45813a2e3fb29d59ffbb6fe705c9a1acdeb193b5238a53f684ee5e',
  decode: '0fddc979fb958fa0b21675158f211fbcc32836796dc9aaed80d43ca14b5f033f',
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
