// Lets mocha take a test by its TypeScript source, of which it runs what `npm run build` made.
const { register } = require('node:module');
const { relative, resolve } = require('node:path');

const emitted = (source) =>
  relative('', source)
    .replace(/^test\//, 'dist-test/')
    .replace(/^(packages\/[^/]+)\/src\//, '$1/dist/')
    .replace(/\.ts$/, '.js');

require.extensions['.ts'] = (module, source) => {
  module.exports = require(resolve(emitted(source)));
};

// Mocha imports what cannot be required: a test that awaits at its top level.
const hooks = `
  const emitted = (url) =>
    url
      .replace(/\\/test\\/([^/]+)\\.ts$/, '/dist-test/$1.js')
      .replace(/\\/(packages\\/[^/]+)\\/src\\/(.*)\\.ts$/, '/$1/dist/$2.js');
  export const resolve = (specifier, context, next) =>
    next(/^file:.*\\.test\\.ts$/.test(specifier) ? emitted(specifier) : specifier, context);
`;
register(`data:text/javascript,${encodeURIComponent(hooks)}`);
