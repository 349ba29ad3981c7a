export { routeTokens } from './route.js';
export { ROUTING_KINDS } from './shape.js';
export type { RoutingKind, RoutingRequest } from './shape.js';
export { SKEW_LAWS, skewedLoads } from './skew.js';
export type { Skew } from './skew.js';
export { nodesPerToken, ranksPerToken, rowsPerExpert, rowsPerRank } from './statistics.js';
