import { microBatchesOf, placedExperts, placementAt, roleOfRank, routingRequestOf } from '@epemu/config';
import type { Configuration } from '@epemu/config';
import { routeTokens } from '@epemu/routing';
import { programOf } from '@epemu/schedule';
import type { Operation, Program } from '@epemu/schedule';
import { buildLayout } from '../layout.js';
import type { SendLayout } from '../layout.js';
import { Topology } from '../topology.js';

/**
 * Keys of a configuration that no router looks at. All others count as if it did: one that is added sooner costs a
 * sharing than a wrong layout.
 */
const WITHOUT_ROUTER: ReadonlySet<string> = new Set<keyof Configuration>([
  ...(['hardware', 'era', 'jitter', 'slowRanks', 'kernels', 'kernelNames', 'kvPrecision'] as const),
  ...(['slowNodes', 'slowNics', 'slowLinks', 'stalls', 'jitterTail', 'tracks', 'traceWindow'] as const),
  ...(['payload', 'fabric', 'threads', 'ranksPerWorker', 'pace', 'faults', 'stallTimeoutSeconds'] as const),
]);

/** @returns a text that is the same for configurations whose ranks route alike; long of loads from a file. */
export function routerKey(configuration: Configuration): string {
  const { hardware, schedule } = configuration;
  const counted = Object.entries(configuration).filter(([key]) => !WITHOUT_ROUTER.has(key) && key !== 'schedule');
  return JSON.stringify([...counted, hardware.nodeSize, schedule.microBatches]);
}

/** Layouts of one routing, by rank, layer and micro-batch. */
type Known = Map<string, SendLayout>;

/** @param known layouts by rank, layer and micro-batch; grows. */
function layoutsOfRank(
  configuration: Configuration,
  program: Program,
  rank: number,
  known: Known,
): (operation: Pick<Operation, 'exchange'>) => SendLayout {
  const role = roleOfRank(configuration, rank);
  const topology = new Topology(role.group, configuration.hardware.nodeSize, placedExperts(configuration));
  const attends = programOf(program, rank).operations.some(({ tokens }) => tokens.includes('attend'));
  const microBatches = microBatchesOf(configuration, rank);
  const { topK } = configuration.model;
  return ({ exchange }) => {
    const { layer, microBatch } = program.exchanges[exchange!];
    const place = `${rank} ${layer} ${microBatch}`;
    let layout = known.get(place);
    if (layout === undefined) {
      const tokens = attends ? microBatches[microBatch].tokens : 0;
      const expertIds = new Uint16Array(tokens * topK);
      const member = topology.memberOf(rank);
      if (tokens > 0) {
        const call = { layer, microBatch, member, group: role.group, tokens };
        routeTokens(routingRequestOf(configuration, call), expertIds, new Float32Array(tokens * topK));
        const placed = { seed: configuration.seed, layer, microBatch, rank: member, tokens, topK };
        placementAt(configuration, role.group, layer)?.spread(placed, expertIds, expertIds);
      }
      layout = buildLayout(topology, tokens, topK, expertIds);
      known.set(place, layout);
    }
    return layout;
  };
}

/**
 * What routers decide, worked out where it is asked for and kept from one configuration to the next that routes alike:
 * for ranks that time a program whose tokens nobody moves.
 */
export class PlannedLayouts {
  readonly #most: number;
  /** The routings that were asked for last, the latest at the end. */
  readonly #known = new Map<string, Known>();

  /** @param most how many routings are kept. */
  constructor(most: number) {
    this.#most = most;
  }

  /** @returns for each rank of a run how it has the layout of a dispatch. */
  of(
    configuration: Configuration,
    program: Program,
  ): (rank: number) => (operation: Pick<Operation, 'exchange'>) => SendLayout {
    const known = this.#knownOf(configuration);
    return (rank) => layoutsOfRank(configuration, program, rank, known);
  }

  /** @returns the layouts that are known of a routing, and will be. */
  #knownOf(configuration: Configuration): Known {
    const key = routerKey(configuration);
    const known = this.#known.get(key) ?? new Map<string, SendLayout>();
    this.#known.delete(key);
    this.#known.set(key, known);
    for (const oldest of this.#known.keys()) {
      if (this.#known.size <= this.#most) break;
      this.#known.delete(oldest);
    }
    return known;
  }
}
