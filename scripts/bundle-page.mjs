// Bundles script and style of the report page and of the live page, which hold both in themselves.
import { build } from 'esbuild';

for (const name of ['pages', 'live']) {
  await build({
    entryPoints: [
      { in: `packages/${name}/dist/client/main.js`, out: 'page.bundle' },
      { in: `packages/${name}/src/client/page.css`, out: 'page.bundle' },
    ],
    outdir: `packages/${name}/dist`,
    bundle: true,
    platform: 'browser',
    format: 'iife',
    target: ['chrome123', 'firefox120', 'safari17.5'],
    minify: true,
    charset: 'utf8',
    logLevel: 'error',
  });
}
