import { expect } from 'chai';
import { SCENARIOS, small } from './support/configuration.js';
import { replayedDigest, runLocally } from './support/local-run.js';

/**
 * Digests of small runs. A change here is a change of virtual time: it must be meant, and said in the commit that
 * changes it.
 */
const GOLDEN = {
  train: '08b35ecadf599667aeaf3a8534912040157cb7f7ec870c6ae2f0cc0baea29529',
  prefill: 'e2db1e2431744b0a3394f43c38fc2367254bd40e49c7c952dac537ad423348e8',
  decode: 'f4ebeef077cdc8e9d0df8783941767bb8cf8928b3418af7969b52dad696efd67',
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
