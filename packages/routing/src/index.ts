export { routeTokens } from './route.js';
export type { RoutingKind, RoutingRequest } from './shape.js';
export { nodesPerToken, ranksPerToken, rowsPerExpert, rowsPerRank } from './statistics.js';
