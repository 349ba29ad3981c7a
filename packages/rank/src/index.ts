export * from './rank.js';
export * from './topology.js';
export * from './numerics.js';
export type { TaskKind } from './tokens/plane.js';
export { PlannedLayouts, routerKey } from './tokens/planned-layouts.js';
export type { SendLayout } from './layout.js';
