// Bundles the worker entry into one file: a worker process starts in half the time, and a run starts up to 128 of them.
import { build } from 'esbuild';

await build({
  entryPoints: ['packages/cluster/dist/worker/main.js'],
  outfile: 'packages/cluster/dist/worker.bundle.js',
  bundle: true,
  platform: 'node',
  format: 'esm',
  target: 'node20',
  minifySyntax: true,
  sourcemap: true,
  logLevel: 'error',
  // The first two find files beside themselves (compute threads, the WebAssembly kernel) and are loaded with the first
  // batch, the last where metrics are served.
  external: ['piscina', '@epemu/compute', 'prom-client'],
  banner: {
    js: "import { createRequire as requireForBundle } from 'node:module'; const require = requireForBundle(import.meta.url);",
  },
});
