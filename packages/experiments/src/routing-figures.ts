import {
  attendingRanks,
  isDenseLayer,
  microBatchesOf,
  pipelineOf,
  placedExperts,
  placementAt,
  rolesOf,
  routingRequestOf,
} from '@epemu/config';
import type { Configuration, Group, Role } from '@epemu/config';
import { largest } from '@epemu/core';
import { layerImbalance, lintCall, meanUnevenness, routeTokens, rowsPerExpert, unevennessOf } from '@epemu/routing';
import type { CallRows, LayerImbalance, RoutingProblem, Unevenness } from '@epemu/routing';

/** Rows of one dispatch over all ranks: how many each rank and each expert gets. */
export interface RoutedCall {
  readonly layer: number;
  readonly microBatch: number;
  readonly rankRows: readonly { readonly rank: number; readonly rows: number }[];
  readonly expertRows: readonly number[];
  /** With EPLB: rows of each replica, by its place, and of each rank with experts dealt out in order. */
  readonly replicaRows?: readonly number[];
  readonly rankRowsWithoutEplb?: RoutedCall['rankRows'];
}

/** How unevenly a layer is routed: of ranks and nodes as in a run's report, and of experts. */
export interface RoutedLayer extends LayerImbalance {
  readonly levels: LayerImbalance['levels'] & { readonly expert: Unevenness };
  /** Least, mean and most rows of an expert (with EPLB: a replica) and of a rank in a dispatch. */
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
  const { routing, ranks, hardware } = configuration;
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
    layers: layers.map(([layer, of]) => layerOf(layer, of, hardware.nodeSize)),
    problems,
  };
}

function callsOf(configuration: Configuration): GroupCall[] {
  const microBatches = microBatchesOf(configuration).map((_, microBatch) => microBatch);
  const groups = new Map<string, Role[]>();
  for (const role of rolesOf(configuration))
    groups.set(role.group.name, [...(groups.get(role.group.name) ?? []), role]);
  const pipeline = pipelineOf(configuration);
  return [...groups.values()].flatMap((roles, place) => {
    const [{ group, chunks }] = roles;
    const attending = roles.flatMap((role) => attendingRanks(configuration, role)).sort((a, b) => a - b);
    return chunks.flatMap(({ first, last }) => {
      const stage = pipeline?.stages.findIndex((layers) => layers.first === first);
      const own = microBatches.filter((m) => stage === undefined || pipeline?.wayOf(m)[stage] === place);
      return Array.from({ length: last - first + 1 }, (_, i) => first + i)
        .filter((layer) => !isDenseLayer(configuration, layer))
        .flatMap((layer) => own.map((microBatch) => ({ group, layer, microBatch, attending })));
    });
  });
}

function route(
  configuration: Configuration,
  { group, layer, microBatch, attending }: GroupCall,
  problems: RoutingProblem[],
): RoutedCall {
  const most = microBatchesOf(configuration)[microBatch].tokens;
  const { topK, experts } = configuration.model;
  const expertIds = new Uint16Array(most * topK);
  const weights = new Float32Array(most * topK);
  const total = new Array<number>(experts).fill(0);
  const placement = placementAt(configuration, group, layer);
  const placeIds = new Uint16Array(placement === undefined ? 0 : most * topK);
  const ofPlaces = new Array<number>(placement === undefined ? 0 : placedExperts(configuration)).fill(0);
  for (const rank of attending) {
    const member = group.ranks.indexOf(rank);
    const { tokens } = microBatchesOf(configuration, rank)[microBatch];
    const rows = tokens * topK;
    const request = routingRequestOf(configuration, { layer, microBatch, member, group, tokens });
    routeTokens(request, expertIds, weights);
    problems.push(...lintCall(request, expertIds, weights));
    addRows(total, expertIds.subarray(0, rows));
    placement?.spread({ ...request, topK }, expertIds, placeIds);
    addRows(ofPlaces, placeIds.subarray(0, placement === undefined ? 0 : rows));
  }
  const rankRows = rowsOfRanks(group, placement === undefined ? total : ofPlaces);
  const call = { layer, microBatch, rankRows, expertRows: total };
  if (placement === undefined) return call;
  return { ...call, replicaRows: ofPlaces, rankRowsWithoutEplb: rowsOfRanks(group, total) };
}

function addRows(total: number[], ids: Uint16Array): void {
  rowsPerExpert(ids, ids.length, total.length).forEach((rows, expert) => (total[expert] += rows));
}

/** Rows of consecutive experts, or places, on each rank that holds any, as evenly as their number allows. */
function rowsOfRanks({ expertRanks }: Group, rows: readonly number[]): RoutedCall['rankRows'] {
  const first = (place: number): number => Math.floor((place * rows.length) / expertRanks.length);
  return expertRanks.map((rank, place) => ({
    rank,
    rows: rows.slice(first(place), first(place + 1)).reduce((sum, of) => sum + of, 0),
  }));
}

function layerOf(layer: number, calls: readonly RoutedCall[], nodeSize: number): RoutedLayer {
  const imbalanceOf = (
    ranks: (call: RoutedCall) => RoutedCall['rankRows'],
    slots: (call: RoutedCall) => readonly number[],
  ): LayerImbalance => {
    const rows = calls.map((call): CallRows => ({
      ofRank: new Map(ranks(call).map(({ rank, rows: of }) => [rank, of])),
      expertMax: largest(slots(call)),
      experts: slots(call).length,
    }));
    return layerImbalance(layer, rows, nodeSize);
  };
  const slotsOf = ({ replicaRows, expertRows }: RoutedCall): readonly number[] => replicaRows ?? expertRows;
  const imbalance = imbalanceOf(({ rankRows }) => rankRows, slotsOf);
  const expert = meanUnevenness(calls.map((call) => unevennessOf(slotsOf(call))));
  const withoutEplb = imbalanceOf(
    ({ rankRowsWithoutEplb, rankRows }) => rankRowsWithoutEplb ?? rankRows,
    ({ expertRows }) => expertRows,
  );
  return {
    ...imbalance,
    levels: { ...imbalance.levels, expert },
    rowsOfExpert: extremesOf(calls.flatMap(slotsOf)),
    rowsOfRank: extremesOf(calls.flatMap(({ rankRows }) => rankRows.map(({ rows: of }) => of))),
    ...(calls.some(({ replicaRows }) => replicaRows !== undefined) ? { withoutEplb } : {}),
  };
}

function extremesOf(rows: readonly number[]): Extremes {
  const sum = rows.reduce((total, of) => total + of, 0);
  return { min: Math.min(...rows), mean: Math.round((sum / rows.length) * 100) / 100, max: Math.max(...rows) };
}
