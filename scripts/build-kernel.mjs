// Assembles packages/compute/src/kernel.wat into packages/compute/dist/kernel.wasm; does nothing if that is newer.
import { mkdir, readFile, rename, stat, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

const script = fileURLToPath(import.meta.url);
const source = fileURLToPath(new URL('../packages/compute/src/kernel.wat', import.meta.url));
const folder = fileURLToPath(new URL('../packages/compute/dist/', import.meta.url));
const target = `${folder}kernel.wasm`;

const modified = async (path) => {
  try {
    return (await stat(path)).mtimeMs;
  } catch (error) {
    if (error.code === 'ENOENT') return -Infinity;
    throw error;
  }
};

const sourceTime = Math.max(await modified(source), await modified(script));
if ((await modified(target)) < sourceTime) {
  // Loaded only when needed: wabt takes longer to start than everything else here.
  const { default: loadWabt } = await import('wabt');
  const wabt = await loadWabt();
  const module = wabt.parseWat('kernel.wat', await readFile(source, 'utf8'));
  try {
    module.resolveNames();
    module.validate();
    const { buffer } = module.toBinary({});
    await mkdir(folder, { recursive: true });
    // Renamed into place: a thread that starts meanwhile never reads half a file.
    const partial = `${target}.${process.pid}`;
    await writeFile(partial, buffer);
    await rename(partial, target);
    console.log(`kernel.wasm: ${buffer.length} bytes`);
  } finally {
    module.destroy();
  }
}
