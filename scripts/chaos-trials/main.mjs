// See ../chaos: runs trials of each kind and prints a table of what came of them. Ends with 1 when one failed.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { liveIsReplay, loadedDigest } from './digests.mjs';
import { FRAMES_PER_TRIAL, mutatedFrames } from './frames.mjs';
import { fullDisk, interrupted, killedCoordinator, killedRank, stoppedRank } from './processes.mjs';
import { Random } from './random.mjs';

const DOCUMENT = 'docs/reliability.md';
const [BEGIN, END] = ['<!-- chaos: begin -->', '<!-- chaos: end -->'];
/** Kinds of trials: how many there are of each, and how many things of its name are in one. */
const KINDS = [
  ['ranks', 'ranks killed at an operation', 100, 1, killedRank],
  ['stops', 'ranks stopped at an operation', 30, 1, stoppedRank],
  ['coordinators', 'coordinators killed', 100, 1, killedCoordinator],
  ['interrupts', 'runs interrupted', 50, 1, interrupted],
  ['disks', 'disks that are full', 30, 1, fullDisk],
  ['frames', 'mutated frames', 100, FRAMES_PER_TRIAL, mutatedFrames],
  ['digests', 'digests on a loaded machine', 50, 1, loadedDigest],
  ['replays', 'live runs replayed', 100, 1, liveIsReplay],
];

const { values } = parseArgs({
  options: {
    share: { type: 'string', default: '1' },
    seed: { type: 'string', default: '1' },
    only: { type: 'string' },
    write: { type: 'boolean', default: false },
  },
});
const share = Number(values.share);
if (!(share > 0 && share <= 1)) throw new Error(`--share is ${values.share}; give a number above 0, at most 1`);
const chosen = KINDS.filter(([name]) => values.only === undefined || values.only === name);
if (chosen.length === 0) {
  throw new Error(`--only is ${values.only}; give one of ${KINDS.map(([name]) => name).join(', ')}`);
}

const rows = [];
let failures = 0;
const folder = mkdtempSync(join(tmpdir(), 'epemu-chaos-'));
try {
  for (const [, what, all, each, trial] of chosen) {
    const count = Math.max(1, Math.round(all * share));
    const begun = performance.now();
    let good = 0;
    let skipped;
    for (let i = 0; i < count && skipped === undefined; i++) {
      const problem = await trial(new Random(Number(values.seed) * 1000 + i), folder);
      if (problem === undefined) good++;
      else if (problem.startsWith('skipped')) skipped = problem;
      else {
        failures++;
        console.error(`${what}, trial ${i} of seed ${values.seed}: ${problem}`);
      }
    }
    const seconds = Math.round((performance.now() - begun) / 1000);
    const found = skipped ?? `${good * each} of ${count * each}`;
    rows.push(`| ${what} | ${found} | ${seconds} s |`);
    console.error(`${what}: ${found} as they should (${seconds} s)`);
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
const table = ['| what | as it should | took |', '| --- | --- | --- |', ...rows].join('\n');
console.log(table);
if (values.write) {
  const text = readFileSync(DOCUMENT, 'utf8');
  const [before, rest] = text.split(BEGIN);
  writeFileSync(DOCUMENT, `${before}${BEGIN}\n\n${table}\n\n${END}${rest.split(END)[1]}`);
}
process.exitCode = failures > 0 ? 1 : 0;
