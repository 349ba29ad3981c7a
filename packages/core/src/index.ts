export * from './columns.js';
export * from './deferred.js';
export * from './errors.js';
export * from './hash.js';
export * from './make-folder.js';
export * from './normal.js';
export * from './order.js';
export * from './router-shape.js';
