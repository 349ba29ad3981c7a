// Starts the bundle beside it (main.start.cjs starts main.bundle.cjs), from the code that V8 made of it when it was built:
// to compile it anew takes a third of what a command takes to start, and a run starts up to 128 workers. V8 itself refuses
// code of another version or of other flags, and compiles then.
const { readFileSync, renameSync, writeFileSync } = require('node:fs');
const { Script } = require('node:vm');

const path = __filename.replace(/start\.cjs$/, 'bundle.cjs');
const cache = `${path}.cache`;

/** What is not there costs time only. */
function readCache() {
  try {
    return readFileSync(cache);
  } catch {
    return undefined;
  }
}

const script = new Script(
  `(function (require, module, exports, __filename, __dirname) {${readFileSync(path, 'utf8')}\n})`,
  {
    filename: path,
    cachedData: readCache(),
  },
);

// The build runs a command once with this, so that what it needed is in the cache.
if (process.env.WRITE_CODE_CACHE === '1') {
  process.once('exit', () => {
    const partial = `${cache}.${process.pid}`;
    writeFileSync(partial, script.createCachedData());
    renameSync(partial, cache);
  });
}

script.runInThisContext()(require, module, exports, path, __dirname);
