import { attendingRanks, isDenseLayer, microBatchesOf, rolesOf, routingRequestOf } from '@epemu/config';
import type { Configuration, Group, Role } from '@epemu/config';
import { layerImbalance, lintCall, meanUnevenness, routeTokens, rowsPerExpert, unevennessOf } from '@epemu/routing';
import type { CallRows, LayerImbalance, RoutingProblem, Unevenness } from '@epemu/routing';

/** Rows of one dispatch over all ranks: how many each rank and each expert gets. */
export interface RoutedCall {
  readonly layer: number;
  readonly microBatch: number;
  readonly rankRows: readonly { readonly rank: number; readonly rows: number }[];
  readonly expertRows: readonly number[];
}

/** How unevenly a layer is routed: of ranks and nodes as in a run's report, and of experts. */
export interface RoutedLayer extends LayerImbalance {
  readonly levels: LayerImbalance['levels'] & { readonly expert: Unevenness };
  /** Least, mean and most rows of an expert and of a rank in a dispatch. */
  readonly rowsOfExpert: Extremes;
  readonly rowsOfRank: Extremes;
}

export interface Extremes {
  readonly min: number;
  readonly mean: number;
  readonly max: number;
}

/** What routing alone says of a configuration, before anything is run. */
export interface RoutingFigures {
  readonly routing: string;
  readonly ranks: number;
  readonly layers: readonly RoutedLayer[];
  readonly problems: readonly RoutingProblem[];
}

/** What the members of a group come to in a layer and micro-batch. */
interface GroupCall {
  readonly group: Group;
  readonly layer: number;
  readonly microBatch: number;
  readonly attending: readonly number[];
}

/**
 * Routes the tokens of all ranks as a run would, and counts; nothing is run.
 * @param onCall told of each dispatch, with its share of the whole.
 */
export function routingFigures(
  configuration: Configuration,
  onCall: (call: RoutedCall, share: number) => void,
): RoutingFigures {
  const { routing, ranks, hardware, model } = configuration;
  const calls = callsOf(configuration);
  const byLayer = new Map<number, RoutedCall[]>();
  const problems: RoutingProblem[] = [];
  calls.forEach((call, index) => {
    const routed = route(configuration, call, problems);
    onCall(routed, (index + 1) / calls.length);
    if (routed.expertRows.every((rows) => rows === 0)) return;
    byLayer.set(call.layer, [...(byLayer.get(call.layer) ?? []), routed]);
  });
  const layers = [...byLayer].sort(([a], [b]) => a - b);
  return {
    routing,
    ranks,
    layers: layers.map(([layer, of]) => layerOf(layer, of, model.experts, hardware.nodeSize)),
    problems,
  };
}

function callsOf(configuration: Configuration): GroupCall[] {
  const microBatches = microBatchesOf(configuration).map((_, microBatch) => microBatch);
  const groups = new Map<string, Role[]>();
  for (const role of rolesOf(configuration))
    groups.set(role.group.name, [...(groups.get(role.group.name) ?? []), role]);
  return [...groups.values()].flatMap((roles) => {
    const [{ group, layers }] = roles;
    const attending = roles.flatMap((role) => attendingRanks(configuration, role)).sort((a, b) => a - b);
    return Array.from({ length: layers.last - layers.first + 1 }, (_, i) => layers.first + i)
      .filter((layer) => !isDenseLayer(configuration, layer))
      .flatMap((layer) => microBatches.map((microBatch) => ({ group, layer, microBatch, attending })));
  });
}

function route(configuration: Configuration, call: GroupCall, problems: RoutingProblem[]): RoutedCall {
  const { group, layer, microBatch, attending } = call;
  const { tokens } = microBatchesOf(configuration)[microBatch];
  const { topK, experts } = configuration.model;
  const expertIds = new Uint16Array(tokens * topK);
  const weights = new Float32Array(tokens * topK);
  const total = new Array<number>(experts).fill(0);
  for (const rank of attending) {
    const member = group.ranks.indexOf(rank);
    const request = routingRequestOf(configuration, { layer, microBatch, member, group, tokens });
    routeTokens(request, expertIds, weights);
    problems.push(...lintCall(request, expertIds, weights));
    rowsPerExpert(expertIds, expertIds.length, experts).forEach((rows, expert) => (total[expert] += rows));
  }
  const size = experts / group.expertRanks.length;
  const rankRows = group.expertRanks.map((rank, place) => ({
    rank,
    rows: total.slice(place * size, (place + 1) * size).reduce((sum, rows) => sum + rows, 0),
  }));
  return { layer, microBatch, rankRows, expertRows: total };
}

function layerOf(layer: number, calls: readonly RoutedCall[], experts: number, nodeSize: number): RoutedLayer {
  const rows = calls.map(({ rankRows, expertRows }): CallRows => ({
    ofRank: new Map(rankRows.map(({ rank, rows: of }) => [rank, of])),
    expertMax: Math.max(...expertRows),
    experts,
  }));
  const imbalance = layerImbalance(layer, rows, nodeSize);
  const expert = meanUnevenness(calls.map(({ expertRows }) => unevennessOf(expertRows)));
  return {
    ...imbalance,
    levels: { ...imbalance.levels, expert },
    rowsOfExpert: extremesOf(calls.flatMap(({ expertRows }) => expertRows)),
    rowsOfRank: extremesOf(calls.flatMap(({ rankRows }) => rankRows.map(({ rows: of }) => of))),
  };
}

function extremesOf(rows: readonly number[]): Extremes {
  const sum = rows.reduce((total, of) => total + of, 0);
  return { min: Math.min(...rows), mean: Math.round((sum / rows.length) * 100) / 100, max: Math.max(...rows) };
}
