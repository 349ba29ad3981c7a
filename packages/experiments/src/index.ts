export { collectiveConfiguration } from './collective-configuration.js';
export type { CollectiveOptions } from './collective-configuration.js';
export * from './collective.js';
export * from './in-memory.js';
export * from './kernel.js';
export * from './validate.js';
export * from './validation-markdown.js';
export { figuresOf } from './figures-of.js';
export * from './silicon-collectives.js';
