// Writes the digests of small runs into test/golden.test.ts: after a change of virtual time that is meant.
import { readFileSync, writeFileSync } from 'node:fs';
import { SCENARIOS, small } from '../dist-test/support/configuration.js';
import { runLocally } from '../dist-test/support/local-run.js';

const TEST = 'test/golden.test.ts';

let text = readFileSync(TEST, 'utf8');
for (const scenario of SCENARIOS) {
  const { digest } = await runLocally(small(scenario));
  text = text.replace(new RegExp(`(^  ${scenario}: ')[0-9a-f]{64}`, 'm'), `$1${digest}`);
}
writeFileSync(TEST, text);
