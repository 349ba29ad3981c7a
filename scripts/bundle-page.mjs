// Bundles script and style of the report page, which holds both in itself.
import { build } from 'esbuild';

await build({
  entryPoints: [
    { in: 'packages/pages/dist/client/main.js', out: 'page.bundle' },
    { in: 'packages/pages/src/client/page.css', out: 'page.bundle' },
  ],
  outdir: 'packages/pages/dist',
  bundle: true,
  platform: 'browser',
  format: 'iife',
  target: ['chrome123', 'firefox120', 'safari17.5'],
  minify: true,
  charset: 'utf8',
  logLevel: 'error',
});
