export * from './expand.js';
export * from './graph.js';
export * from './movement.js';
export * from './ports.js';
export * from './program.js';
