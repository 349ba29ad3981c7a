export * from './rank.js';
export * from './topology.js';
export type { NumericsTotals, TaskKind } from './tokens/plane.js';
