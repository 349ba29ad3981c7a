// Lets mocha take a test by its TypeScript source, of which it runs what `npm run build` made.
const { relative, resolve } = require('node:path');

const emitted = (source) =>
  relative('', source)
    .replace(/^test\//, 'dist-test/')
    .replace(/^(packages\/[^/]+)\/src\//, '$1/dist/')
    .replace(/\.ts$/, '.js');

require.extensions['.ts'] = (module, source) => {
  module.exports = require(resolve(emitted(source)));
};
