// Bundles the command and the worker entry, and keeps the code that V8 makes of them: both start in a third of the time, and
// a run starts up to 128 workers.
import { spawnSync } from 'node:child_process';
import { copyFile, readFile, rm } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { build } from 'esbuild';

/** Lets modules find what lies beside them (presets, pages, compute threads) from a bundle in another folder. */
const besideItself = (outputFolder) => ({
  name: 'beside itself',
  setup({ onLoad }) {
    onLoad({ filter: /packages\/[^/]+\/dist\/.*\.js$/ }, async ({ path }) => {
      const here = `new URL(${JSON.stringify(relative(outputFolder, path))}, BUNDLE_URL).href`;
      return { contents: (await readFile(path, 'utf8')).replaceAll('import.meta.url', here), loader: 'js' };
    });
  },
});

/**
 * @param entry the module that is run.
 * @param name of the bundle in the entry's package: `NAME.start.cjs` starts it.
 * @param external what is loaded when it is first needed.
 * @param warmUp arguments of node before and behind the bundle for a run that needs what most runs need.
 */
async function bundle({ entry, folder, name, external, warmUp: { flags = [], args = [] } }) {
  const output = join(folder, `${name}.bundle.cjs`);
  // V8 compares no more than lengths: the code of another build must not be there.
  await rm(`${output}.cache`, { force: true });
  await build({
    entryPoints: [entry],
    outfile: output,
    bundle: true,
    platform: 'node',
    format: 'cjs',
    target: 'node20',
    minifySyntax: true,
    // Kept code does not know whose it is, and so cannot import; what is loaded later is required.
    supported: { 'dynamic-import': false },
    logLevel: 'error',
    external,
    define: { 'import.meta.url': 'BUNDLE_URL' },
    plugins: [besideItself(dirname(output))],
    banner: { js: "const BUNDLE_URL = require('node:url').pathToFileURL(__filename).href;" },
  });
  const start = join(folder, `${name}.start.cjs`);
  await copyFile('scripts/start-bundle.cjs', start);
  spawnSync(process.execPath, [...flags, start, ...args], {
    stdio: 'ignore',
    env: { ...process.env, NODE_OPTIONS: '', WRITE_CODE_CACHE: '1' },
  });
}

await Promise.all([
  bundle({
    entry: 'packages/cli/dist/main.js',
    folder: 'packages/cli/dist',
    name: 'main',
    external: ['piscina', 'prom-client'],
    warmUp: { args: ['run', 'decode', '--dry-run'] },
  }),
  // Compute threads come with the first batch, metrics where they are served.
  bundle({
    entry: 'packages/cluster/dist/worker/main.js',
    folder: 'packages/cluster/dist',
    name: 'worker',
    external: ['piscina', '@epemu/compute', 'prom-client'],
    // As the launcher starts it; without a coordinator to go to it ends at once.
    warmUp: { flags: ['--max-semi-space-size=16'] },
  }),
  bundle({
    entry: 'packages/experiments/dist/points/point-thread.js',
    folder: 'packages/experiments/dist/points',
    name: 'point-thread',
    external: ['piscina', 'prom-client'],
    warmUp: {},
  }),
]);
