export * from './expand.js';
export * from './graph.js';
export * from './movement.js';
export * from './ports.js';
export * from './process-group.js';
export * from './program.js';
export { holdsSms } from './residence.js';
