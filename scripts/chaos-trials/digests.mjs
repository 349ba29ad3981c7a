import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { small as configurationOf } from '../../dist-test/support/configuration.js';
import { underCpuLoad } from '../../dist-test/support/cpu-load.js';
import { replayedDigest, runLocally } from '../../dist-test/support/local-run.js';
import { Run, faultless, small } from './runs.mjs';

const SCENARIOS = ['train', 'prefill', 'decode'];

async function runDigest(folder, scenario) {
  const run = new Run(join(folder, 'out'), small(scenario));
  const { code } = await run.end;
  if (code !== 0) return `exit code ${code}: ${run.stderr}`;
  return JSON.parse(readFileSync(join(run.folder, 'report.json'), 'utf8')).digest;
}

/** Processes on cores that are busy with something else find the digest that they find alone. */
export async function loadedDigest(random, folder) {
  const scenario = random.of(SCENARIOS);
  const { digest } = await faultless(scenario, folder);
  const threads = 1 + random.below(2 * availableParallelism());
  const loaded = await underCpuLoad(threads, () => runDigest(folder, scenario));
  return loaded === digest ? undefined : `${scenario}: ${loaded}, alone ${digest}`;
}

/** A configuration at random: a replay of what its ranks recorded has their digest. */
export async function liveIsReplay(random) {
  const changes = {
    ranks: random.of([2, 4, 8, 16]),
    ranksPerWorker: 1,
    layers: 1 + random.below(4),
    seed: random.below(1_000_000),
    routing: random.of(['balanced', 'statistical', 'biased', 'skewed']),
    overlap: random.of(['full', 'none']),
    payload: { kind: random.of(['float32', 'none']) },
  };
  const scenario = random.of(SCENARIOS);
  const run = await runLocally(configurationOf(scenario, changes));
  const replayed = replayedDigest(run);
  return run.digest === replayed
    ? undefined
    : `${scenario} ${JSON.stringify(changes)}: ${run.digest}, replayed ${replayed}`;
}
