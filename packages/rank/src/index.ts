export * from './rank.js';
export * from './topology.js';
export * from './numerics.js';
export type { TaskKind } from './tokens/plane.js';
