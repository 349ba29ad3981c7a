export * from './catalogue.js';
export { dashboard } from './dashboard.js';
export * from './exposition.js';
export type * from './grafana.js';
export * from './server.js';
export * from './states.js';
export { metricsTable } from './table.js';
