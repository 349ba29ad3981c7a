// Makes the npm package epemu of what is built: node scripts/pack.mjs [--to FOLDER] writes FOLDER/epemu (dist/npm/epemu) and
// packs it. It is the project's own tree without sources: bundles, data, pages, and types of what programs may import.
import { execFileSync } from 'node:child_process';
import { cp, mkdir, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join, relative, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { PROGRAMS, bundleModule, bundleProgram } from './bundling.mjs';

const { values } = parseArgs({ options: { to: { type: 'string', default: 'dist/npm' } } });
const into = join(values.to, 'epemu');

/** Not in bundles: piscina finds its own threads by its place, prom-client is loaded where metrics are served. */
const EXTERNAL = ['piscina', 'prom-client'];
/** Whose types those of the project's mention. */
const TYPES = ['zod', '@types/ws'];

const readJson = async (path) => JSON.parse(await readFile(path, 'utf8'));

/** Version of a package as the workspaces pin it. */
async function pinned(name) {
  const folders = await readdir('packages');
  const files = ['package.json', ...folders.map((folder) => `packages/${folder}/package.json`)];
  for (const file of files) {
    const { dependencies = {}, devDependencies = {} } = await readJson(file);
    const version = dependencies[name] ?? devDependencies[name];
    if (version !== undefined) return version;
  }
  throw new Error(`no workspace depends on ${name}`);
}

/** Copies the declarations that one leads to, with paths in place of the workspaces' names. */
async function copyTypes(path, done = new Set()) {
  if (done.has(path)) return;
  done.add(path);
  const next = [];
  const text = (await readFile(path, 'utf8')).replace(
    /(from |import\()(['"])([^'"]+)\2/g,
    (whole, before, quote, name) => {
      const workspace = /^@epemu\/([a-z]+)$/.exec(name)?.[1];
      if (workspace === undefined && !name.startsWith('.')) return whole;
      const target = workspace === undefined ? join(dirname(path), name) : `packages/${workspace}/dist/index.js`;
      next.push(target.replace(/\.js$/, '.d.ts'));
      const there = relative(dirname(path), target);
      return `${before}${quote}${there.startsWith('.') ? there : `./${there}`}${quote}`;
    },
  );
  await mkdir(join(into, dirname(path)), { recursive: true });
  await writeFile(join(into, path), text);
  for (const each of next) await copyTypes(each, done);
}

await rm(into, { recursive: true, force: true });
await mkdir(join(into, 'packages'), { recursive: true });
for (const program of Object.values(PROGRAMS)) await bundleProgram({ ...program, external: EXTERNAL, into });
await bundleModule({ entry: 'packages/compute/dist/thread.js', external: [], into });
await bundleModule({ entry: 'packages/api/dist/index.js', external: EXTERNAL, into });
await copyTypes('packages/api/dist/index.d.ts');

const copies = ['LICENSE', 'CHANGELOG.md', 'README.md', 'packages/cli/bin', 'examples', 'skills'];
for (const name of ['kernel.wasm', 'thread-entry.cjs']) copies.push(`packages/compute/dist/${name}`);
for (const name of ['pages', 'live']) {
  for (const kind of ['js', 'css']) copies.push(`packages/${name}/dist/page.bundle.${kind}`);
}
for (const folder of await readdir('packages')) {
  if ((await readdir(`packages/${folder}`)).includes('data')) copies.push(`packages/${folder}/data`);
}
for (const path of copies) await cp(path, join(into, path), { recursive: true });

const { version } = await readJson('packages/core/package.json');
const { description, license, engines } = await readJson('package.json');
// Modules read their version, and the doctor what Node it takes, from where these are in the tree.
for (const folder of ['core', 'cli']) {
  await writeFile(join(into, 'packages', folder, 'package.json'), JSON.stringify({ type: 'module', version, engines }));
}
const dependencies = {};
for (const name of [...EXTERNAL, ...TYPES].sort()) dependencies[name] = await pinned(name);
const api = { types: './packages/api/dist/index.d.ts', default: './packages/api/dist/index.js' };
const manifest = {
  ...{ name: 'epemu', version, description, license, engines, type: 'module' },
  keywords: ['mixture-of-experts', 'expert-parallelism', 'all-to-all', 'DeepEP', 'emulator', 'trace'],
  bin: { epemu: 'packages/cli/bin/epemu.js' },
  exports: { '.': api, './package.json': './package.json' },
  dependencies,
};
await writeFile(join(into, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`);
const [packed] = JSON.parse(execFileSync('npm', ['pack', '--json', resolve(into), '--pack-destination', values.to]));
const megabytes = (bytes) => (bytes / 1e6).toFixed(1);
console.log(
  `${join(values.to, packed.filename)}: ${megabytes(packed.size)} MB packed, ${megabytes(packed.unpackedSize)} MB unpacked`,
);
