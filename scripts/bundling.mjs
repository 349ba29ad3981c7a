// How the project's modules become one file: for the command, for workers, and for the npm package.
import { copyFile, mkdir, readFile } from 'node:fs/promises';
import { dirname, join, relative, resolve } from 'node:path';
import { build } from 'esbuild';

/**
 * Lets modules find what lies beside them (presets, pages, compute threads) from a bundle in another folder.
 * @param at folder of the bundle as it will be started, of the same tree as the modules.
 */
const besideItself = (at, here) => ({
  name: 'beside itself',
  setup({ onLoad }) {
    onLoad({ filter: /packages\/[^/]+\/dist\/.*\.js$/ }, async ({ path }) => {
      const url = `new URL(${JSON.stringify(relative(resolve(at), path))}, ${here}).href`;
      return { contents: (await readFile(path, 'utf8')).replaceAll('import.meta.url', url), loader: 'js' };
    });
  },
});

/** For the package: nobody reads its code, but errors keep the names of their classes. */
const SMALL = { minifyWhitespace: true, minifyIdentifiers: true, keepNames: true };
const COMMON = { bundle: true, platform: 'node', target: 'node20', minifySyntax: true, logLevel: 'error' };

/**
 * Makes `NAME.bundle.cjs` and `NAME.start.cjs`, which starts it.
 * @param folder that the entry's package has it in; `into` is where a copy of that tree begins, `.` for the tree itself.
 * @param external what is loaded when it is first needed.
 * @returns the path of what starts it.
 */
export async function bundleProgram({ entry, folder, name, external, into = '.' }) {
  const output = join(into, folder);
  await build({
    ...COMMON,
    entryPoints: [entry],
    outfile: join(output, `${name}.bundle.cjs`),
    ...(into === '.' ? {} : SMALL),
    format: 'cjs',
    // Kept code does not know whose it is, and so cannot import; what is loaded later is required.
    supported: { 'dynamic-import': false },
    external,
    define: { 'import.meta.url': 'BUNDLE_URL' },
    plugins: [besideItself(folder, 'BUNDLE_URL')],
    banner: { js: "const BUNDLE_URL = require('node:url').pathToFileURL(__filename).href;" },
  });
  const start = join(output, `${name}.start.cjs`);
  await copyFile('scripts/start-bundle.cjs', start);
  return start;
}

/** Makes one module of another and what it imports, in the same place of a copy of the tree that begins at `into`. */
export async function bundleModule({ entry, external, into }) {
  const outfile = join(into, entry);
  await mkdir(dirname(outfile), { recursive: true });
  await build({
    ...COMMON,
    entryPoints: [entry],
    outfile,
    ...SMALL,
    format: 'esm',
    external,
    plugins: [besideItself(dirname(entry), 'import.meta.url')],
    banner: {
      js: "import { createRequire as requireForBundle } from 'node:module'; const require = requireForBundle(import.meta.url);",
    },
  });
}

/** What is started by itself: entry, and where its bundle is. */
export const PROGRAMS = {
  command: { entry: 'packages/cli/dist/main.js', folder: 'packages/cli/dist', name: 'main' },
  worker: { entry: 'packages/cluster/dist/worker/main.js', folder: 'packages/cluster/dist', name: 'worker' },
  pointThread: {
    entry: 'packages/experiments/dist/points/point-thread.js',
    folder: 'packages/experiments/dist/points',
    name: 'point-thread',
  },
};
