// Runs train, prefill and decode at their published size and prints what came out of them.
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import Table from 'cli-table3';

const EPEMU = 'packages/cli/bin/epemu.js';
const FOLDER = join('runs', 'demo');

/** Runs one scenario; resolves with its report, rejects when it failed. */
function run(scenario) {
  const out = join(FOLDER, scenario);
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [EPEMU, 'run', scenario, '--out', out, '--force', '--json'], {
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => child.kill(signal));
    child.once('close', (code) => {
      if (code !== 0) reject(new Error(`${scenario} ended with exit code ${code}`));
      else resolve(JSON.parse(readFileSync(join(out, 'report.json'), 'utf8')));
    });
  });
}

const table = new Table({
  head: ['scenario', 'ranks', 'span', 'layer', 'overlap', 'exposed', 'tokens/s/node', 'numerics', 'host', 'trace'],
  style: { head: [], border: [] },
});
const began = performance.now();
for (const scenario of ['train', 'prefill', 'decode']) {
  console.error(`\n${scenario}:`);
  const { ranks, timeline, steady, throughput, numerics, host } = await run(scenario);
  const failures = numerics.missing + numerics.duplicated + numerics.wrong;
  table.push([
    scenario,
    ranks,
    `${(timeline.spanUs / 1000).toFixed(2)} ms`,
    `${(steady.layerUs.mean / 1000).toFixed(3)} ms`,
    `${timeline.overlapPct.toFixed(2)} %`,
    `${timeline.exposedCommPct.toFixed(2)} %`,
    throughput.tokensPerSecondPerNode.toFixed(0),
    failures === 0 ? `ok (${numerics.tokensChecked} tokens)` : `${failures} failed`,
    `${host.wallSeconds.toFixed(1)} s`,
    join(FOLDER, scenario, 'trace.json.gz'),
  ]);
}
console.log(table.toString());
console.log(
  `${((performance.now() - began) / 1000).toFixed(0)} s in all. To look at a trace, open https://ui.perfetto.dev and`,
);
console.log(
  'drop the file on the page: a process per rank, a thread per stream, phases above kernels, arrows from each',
);
console.log('send to its receive. ranks/rank-00000.json.gz beside it is what TensorBoard and HTA read.');
