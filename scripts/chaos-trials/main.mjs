// See ../chaos: runs trials of each kind and prints a table of what came of them. Ends with 1 when one failed.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { exitOnSignals, removedAtExit } from './cleanup.mjs';
import { liveIsReplay, loadedDigest } from './digests.mjs';
import { FRAMES_PER_TRIAL, mutatedFrames } from './frames.mjs';
import { partition } from './partitions.mjs';
import { fullDisk, interrupted, killedCoordinator, killedRank, stoppedRank } from './processes.mjs';
import { Random } from './random.mjs';
import { TrialState } from './state.mjs';
import { rowOf, tableOf } from './table.mjs';

const DOCUMENT = 'docs/reliability.md';
const [BEGIN, END] = ['<!-- chaos: begin -->', '<!-- chaos: end -->'];
/** Kinds of trials: how many there are of each, and how many things of its name are in one. */
const KINDS = [
  { name: 'ranks', what: 'ranks killed at an operation', all: 100, trial: killedRank },
  { name: 'stops', what: 'ranks stopped at an operation', all: 30, trial: stoppedRank },
  { name: 'coordinators', what: 'coordinators killed', all: 100, trial: killedCoordinator },
  { name: 'interrupts', what: 'runs interrupted', all: 50, trial: interrupted },
  { name: 'partitions', what: 'networks cut', all: 30, trial: partition },
  { name: 'disks', what: 'disks that are full', all: 30, trial: fullDisk },
  { name: 'frames', what: 'mutated frames', all: 100, each: FRAMES_PER_TRIAL, trial: mutatedFrames },
  { name: 'digests', what: 'digests on a loaded machine', all: 50, trial: loadedDigest },
  { name: 'replays', what: 'live runs replayed', all: 100, trial: liveIsReplay },
];

const { values } = parseArgs({
  options: {
    share: { type: 'string', default: '1' },
    seed: { type: 'string', default: '1' },
    only: { type: 'string', multiple: true, default: KINDS.map(({ name }) => name) },
    state: { type: 'string' },
    minutes: { type: 'string' },
    write: { type: 'boolean', default: false },
  },
});

/** @returns the value of an option that is a number. */
function numberOf(name, text, holds, allowed) {
  const value = Number(text);
  if (text.trim() === '' || !holds(value)) throw new Error(`--${name} is ${text}; give ${allowed}`);
  return value;
}

const share = numberOf('share', values.share, (value) => value >= 0 && value <= 1, 'a number from 0 to 1');
const seed = numberOf('seed', values.seed, Number.isSafeInteger, 'a whole number');
const minutes =
  values.minutes === undefined
    ? Infinity
    : numberOf('minutes', values.minutes, (value) => value > 0, 'a number above 0');
const unknown = values.only.find((name) => !KINDS.some((kind) => kind.name === name));
if (unknown !== undefined) {
  throw new Error(`--only is ${unknown}; give one of ${KINDS.map(({ name }) => name).join(', ')}`);
}

const state = new TrialState(values.state);
const deadline = performance.now() + minutes * 60_000;
exitOnSignals();
const folder = mkdtempSync(join(tmpdir(), 'epemu-chaos-'));
const removed = removedAtExit(() => rmSync(folder, { recursive: true, force: true }));
try {
  for (const kind of KINDS.filter((one) => values.only.includes(one.name))) {
    const { name, what, all, trial } = kind;
    // A share of 0 runs nothing: the table is of what the state has.
    const count = share === 0 ? 0 : Math.max(1, Math.round(all * share));
    for (let i = 0; i < count && performance.now() < deadline; i++) {
      if (state.has(name, seed, i)) continue;
      const begun = performance.now();
      const problem = await trial(new Random(seed * 1000 + i), folder);
      state.add({ kind: name, seed, trial: i, seconds: (performance.now() - begun) / 1000, problem });
      if (problem?.startsWith('skipped')) break;
      if (problem !== undefined) console.error(`${what}, trial ${i} of seed ${seed}: ${problem}`);
    }
    console.error(rowOf(kind, state.trialsOf(name)).join(', '));
  }
} finally {
  removed();
}
const table = tableOf(KINDS, state);
console.log(table);
if (values.write) {
  const text = readFileSync(DOCUMENT, 'utf8');
  const [before, rest] = text.split(BEGIN);
  writeFileSync(DOCUMENT, `${before}${BEGIN}\n\n${table}\n\n${END}${rest.split(END)[1]}`);
}
process.exitCode = KINDS.some(({ name }) => state.trialsOf(name).some(isFailure)) ? 1 : 0;

function isFailure({ problem }) {
  return problem !== undefined && !problem.startsWith('skipped');
}
