// Bundles the command and the worker entry, and keeps the code that V8 makes of them: both start in two thirds of the time,
// and a run starts up to 128 workers.
import { spawnSync } from 'node:child_process';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { PROGRAMS, bundleProgram } from './bundling.mjs';

/** @param warmUp arguments of node before and behind the bundle for a run that needs what most runs need. */
async function bundle(program, external, { flags = [], args = [] } = {}) {
  // V8 compares no more than lengths: the code of another build must not be there.
  await rm(join(program.folder, `${program.name}.bundle.cjs.cache`), { force: true });
  const start = await bundleProgram({ ...program, external });
  spawnSync(process.execPath, [...flags, start, ...args], {
    stdio: 'ignore',
    env: { ...process.env, NODE_OPTIONS: '', WRITE_CODE_CACHE: '1' },
  });
}

await Promise.all([
  bundle(PROGRAMS.command, ['piscina', 'prom-client'], { args: ['run', 'decode', '--dry-run'] }),
  // Compute threads come with the first batch, metrics where they are served. As the launcher starts it; without a
  // coordinator to go to it ends at once.
  bundle(PROGRAMS.worker, ['piscina', '@epemu/compute', 'prom-client'], { flags: ['--max-semi-space-size=16'] }),
  bundle(PROGRAMS.pointThread, ['piscina', 'prom-client']),
]);
