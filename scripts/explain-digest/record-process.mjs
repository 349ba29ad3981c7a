// Runs the configuration whose sources come by standard input with the code that is built in the present folder, and
// prints what it did. How that is put into words is this file's revision's, for both sides.
import { text } from 'node:stream/consumers';
import { pathToFileURL } from 'node:url';
import { join } from 'node:path';
import { virtualRunOf } from '../../dist-test/support/virtual-events.js';

const builtHere = (name) => import(pathToFileURL(join(process.cwd(), 'packages', name, 'dist', 'index.js')).href);

const sources = JSON.parse(await text(process.stdin));
const { resolveConfiguration } = await builtHere('config');
const { runInMemory } = await builtHere('experiments');
const { RunDigest } = await builtHere('timeline');

function refused() {
  try {
    return { configuration: resolveConfiguration(sources) };
  } catch (error) {
    return { refused: error.message };
  }
}

const { configuration, refused: why } = refused();
if (configuration === undefined) {
  process.stdout.write(JSON.stringify({ refused: why }));
} else {
  const run = await runInMemory(configuration);
  const digest = new RunDigest(run.program);
  run.timelines.forEach((timeline, rank) => digest.add(timeline, run.records[rank].expertHashes));
  process.stdout.write(JSON.stringify({ digest: digest.finish(), run: virtualRunOf(run) }));
}
