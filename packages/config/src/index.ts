export * from './configuration.js';
export * from './explain.js';
export * from './resolve.js';
export { roleOfRank, rolesOf } from './roles.js';
export type { Group, Role } from './roles.js';
export * from './scenario-data.js';
export * from './schema.js';
export * from './sources.js';
export * from './workload.js';
