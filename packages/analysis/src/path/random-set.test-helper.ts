import fc from 'fast-check';
import { collectiveParts, matchCollectives } from '../across/collectives.js';
import type { TraceSet } from '../model.js';
import { analysedRanks, kernel } from '../trace.test-helper.js';
import type { Item } from '../trace.test-helper.js';
import { buildGraph } from './graph.js';
import type { EventGraph } from './graph.js';
import { rankGraph } from './rank-graph.js';

/** What all ranks do, step by step, and how long each rank takes for it, µs. */
export interface Scene {
  readonly ranks: number;
  readonly steps: readonly {
    readonly kind: 'compute' | 'side' | 'notified' | 'plain' | 'split';
    /** By rank; as long as there are ranks at most. */
    readonly us: readonly number[];
    readonly lagUs: readonly number[];
  }[];
}

export const MOST_RANKS = 4;

export const SCENES: fc.Arbitrary<Scene> = fc.record({
  ranks: fc.integer({ min: 1, max: MOST_RANKS }),
  steps: fc.array(
    fc.record({
      kind: fc.constantFrom<Scene['steps'][number]['kind'][]>('compute', 'side', 'notified', 'plain', 'split'),
      us: fc.array(fc.nat(50), { minLength: MOST_RANKS, maxLength: MOST_RANKS }),
      lagUs: fc.array(fc.nat(9), { minLength: MOST_RANKS, maxLength: MOST_RANKS }),
    }),
    { minLength: 1, maxLength: 12 },
  ),
});

const COMPUTE_STREAM = 7;
const SIDE_STREAM = 8;
const COMMUNICATION_STREAM = 27;
const SEND = 'ncclKernel_AllToAllv deep_ep::internode_ll::dispatch_send';
const RECEIVE = 'ncclKernel_AllToAllv deep_ep::internode_ll::dispatch_recv';

/** Runs a scene as GPUs would: streams in order, nobody leaves a synchronisation before the last has come. */
export function eventsOf({ ranks, steps }: Scene): Item[][] {
  const events = Array.from({ length: ranks }, (): Item[] => []);
  const free = events.map(() => new Map<number, number>());
  const put = (rank: number, name: string, stream: number, start: number, end: number): void => {
    events[rank].push(kernel(name, stream, start, end - start));
    free[rank].set(stream, end);
  };
  const all = events.map((_, rank) => rank);
  for (const { kind, us, lagUs } of steps) {
    const stream =
      kind === 'side' ? SIDE_STREAM : ['compute', 'split'].includes(kind) ? COMPUTE_STREAM : COMMUNICATION_STREAM;
    const ready = all.map((rank) => (free[rank].get(stream) ?? 0) + lagUs[rank]);
    if (kind === 'compute' || kind === 'side') {
      for (const rank of all) put(rank, `compute_${kind}`, stream, ready[rank], ready[rank] + us[rank]);
      continue;
    }
    const last = Math.max(...ready);
    for (const rank of all) {
      if (kind === 'split') {
        put(rank, SEND, stream, ready[rank], ready[rank] + 2);
        const start = ready[rank] + 2 + lagUs[rank];
        put(rank, RECEIVE, stream, start, Math.max(start, last + 2 + us[rank]) + 1);
      } else if (kind === 'notified') {
        put(rank, 'deep_ep::internode::notify_dispatch', stream, ready[rank], last + 3);
        put(rank, 'deep_ep::internode::dispatch', stream, last + 4, last + 4 + us[rank]);
      } else put(rank, 'deep_ep::internode::combine', stream, ready[rank], last + us[rank]);
    }
  }
  return events;
}

/** @returns a scene as it was read from files, and its graph. */
export async function graphOf(scene: Scene): Promise<{ readonly set: TraceSet; readonly graph: EventGraph }> {
  const { set } = await analysedRanks(eventsOf(scene), { align: 'never' });
  return { set, graph: graphOfSet(set) };
}

/** @returns the graph of ranks that are in memory. */
export function graphOfSet({ ranks, facts }: TraceSet): EventGraph {
  const parts = ranks.map(collectiveParts);
  const { collectives } = matchCollectives(parts);
  const graphs = ranks.map((view, index) => rankGraph(view, facts, parts[index]));
  return buildGraph(
    ranks.map(({ rank }) => rank),
    graphs,
    collectives,
  );
}
