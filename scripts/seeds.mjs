// Runs the training scenario with several seeds and prints how its figures vary: node scripts/seeds.mjs [seeds, default 8]
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Table from 'cli-table3';

const EPEMU = 'packages/cli/bin/epemu.js';
const FIGURES = [
  ['communication stream busy, %', ({ timeline }) => timeline.commBusyPct],
  ['overlap, %', ({ timeline }) => timeline.overlapPct],
  ['overlap in cells 1 and 2, %', ({ steady }) => steady.overlapPct],
  ['notify, % of the communication stream', ({ notifyPctOfComm }) => notifyPctOfComm],
  ["a rank's span, ms", ({ timeline }) => timeline.rankSpanUs / 1000],
];

const seeds = Number(process.argv[2] ?? 8);
const folder = mkdtempSync(join(tmpdir(), 'epemu-seeds-'));
const reports = [];
try {
  for (let seed = 1; seed <= seeds; seed++) {
    const flags = [
      '--seed',
      String(seed),
      '--fabric',
      'memory',
      '--payload',
      'none',
      '--out',
      folder,
      '--force',
      '--json',
    ];
    const run = spawnSync(process.execPath, [EPEMU, 'run', 'train', ...flags], { maxBuffer: 1 << 28 });
    if (run.status !== 0) throw new Error(String(run.stderr));
    reports.push(JSON.parse(String(run.stdout)));
    console.error(`seed ${seed} of ${seeds}`);
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}

const table = new Table({ head: ['figure', 'mean', 'deviation', 'least', 'most'], style: { head: [], border: [] } });
for (const [name, figure] of FIGURES) {
  const values = reports.map(figure);
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / Math.max(1, values.length - 1);
  table.push([name, ...[mean, Math.sqrt(variance), Math.min(...values), Math.max(...values)].map((v) => v.toFixed(2))]);
}
console.log(table.toString());
