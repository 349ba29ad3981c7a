// Bundles the command and the worker entry: both start in half the time, and a run starts up to 128 workers.
import { readFile } from 'node:fs/promises';
import { dirname, relative } from 'node:path';
import { build } from 'esbuild';

/** Lets modules find what lies beside them (presets, pages, compute threads) from a bundle in another folder. */
const besideItself = (outputFolder) => ({
  name: 'beside itself',
  setup({ onLoad }) {
    onLoad({ filter: /packages\/[^/]+\/dist\/.*\.js$/ }, async ({ path }) => {
      const here = `new URL(${JSON.stringify(relative(outputFolder, path))}, import.meta.url).href`;
      return { contents: (await readFile(path, 'utf8')).replaceAll('import.meta.url', here), loader: 'js' };
    });
  },
});

/** @param external what is loaded when it is first needed. */
const bundle = (entry, output, external) =>
  build({
    entryPoints: [entry],
    outfile: output,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    minifySyntax: true,
    sourcemap: true,
    logLevel: 'error',
    external,
    plugins: [besideItself(dirname(output))],
    banner: {
      js: "import { createRequire as requireForBundle } from 'node:module'; const require = requireForBundle(import.meta.url);",
    },
  });

await Promise.all([
  bundle('packages/cli/dist/main.js', 'packages/cli/dist/main.bundle.js', ['piscina', 'prom-client']),
  // Compute threads come with the first batch, metrics where they are served.
  bundle('packages/cluster/dist/worker/main.js', 'packages/cluster/dist/worker.bundle.js', [
    ...['piscina', '@epemu/compute', 'prom-client'],
  ]),
]);
