export * from './address.js';
export * from './listening.js';
export * from './server.js';
export * from './strangers.js';
export * from './tls.js';
