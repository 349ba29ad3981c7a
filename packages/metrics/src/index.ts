export * from './catalogue.js';
export * from './exposition.js';
export * from './server.js';
export * from './states.js';
