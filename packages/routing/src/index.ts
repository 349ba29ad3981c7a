export { routeTokens } from './route.js';
export type { RouterShape, RoutingKind, RoutingRequest } from './shape.js';
export { nodesPerToken, ranksPerToken, rowsPerExpert, rowsPerRank } from './statistics.js';
