/**
 * What piscina loads in a thread. It is CommonJS on purpose: piscina tries `require` first, and on Node versions that can
 * require an ES module, ending a thread in the middle of that aborts the whole process.
 */
const handler = import('./thread.js').then((thread) => thread.default);

export = handler;
