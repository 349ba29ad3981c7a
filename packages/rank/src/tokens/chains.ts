import type { Direction, Operation, Program } from '@epemu/schedule';

/** A layer that a micro-batch goes through on a rank. */
export interface ChainLayer {
  readonly layer: number;
  readonly dense: boolean;
  /** See {@link Program.exchanges}; undefined in a dense layer. */
  readonly exchange: number | undefined;
}

/** The way of a micro-batch through consecutive layers of a rank, in one direction; a rank may have several of one micro-batch. */
export interface Chain {
  readonly microBatch: number;
  readonly direction: Direction;
  /** Ascending. */
  readonly layers: readonly ChainLayer[];
  /** Whether a backward goes back over it, so that activations must stay. */
  readonly kept: boolean;
  /** Whether the rank attends: else it applies experts to others' tokens, and has no output of its own. */
  readonly attends: boolean;
  /** Whether its input comes from another role, and whether its output goes to one. */
  readonly isTakenOver: boolean;
  readonly isHandedOn: boolean;
}

/** @returns the forward chains of a program, those before virtual time 0 too, and its backward ones. */
export function chainsOf(program: Program): { forward: readonly Chain[]; backward: readonly Chain[] } {
  const forward = byMicroBatch(program, 'forward');
  const backward = byMicroBatch(program, 'backward');
  for (const { microBatch, layers } of program.earlier) {
    forward.set(microBatch, new Map(layers.map(({ layer, dense, exchange }) => [layer, { layer, dense, exchange }])));
  }
  const attends = program.operations.some(({ tokens }) => tokens.includes('attend'));
  const handedOver = new Set<string>();
  for (const { collective, microBatch, direction, layer } of program.operations) {
    if (collective !== undefined) handedOver.add(`${collective.type} ${direction} ${microBatch} ${layer}`);
  }
  const chains = (of: typeof forward, direction: Direction): Chain[] =>
    [...of].flatMap(([microBatch, ofMicroBatch]) =>
      consecutive([...ofMicroBatch.values()].sort((a, b) => a.layer - b.layer)).map((layers): Chain => {
        const ends = [layers[0].layer, layers.at(-1)!.layer];
        const [from, to] = direction === 'forward' ? ends : ends.reverse();
        return {
          attends,
          isTakenOver: handedOver.has(`receive ${direction} ${microBatch} ${from}`),
          isHandedOn: handedOver.has(`send ${direction} ${microBatch} ${to}`),
          microBatch,
          direction,
          layers,
          kept: backward.has(microBatch),
        };
      }),
    );
  return { forward: chains(forward, 'forward'), backward: chains(backward, 'backward') };
}

/** @returns layers in runs without a gap. */
function consecutive(layers: readonly ChainLayer[]): ChainLayer[][] {
  const runs: ChainLayer[][] = [];
  for (const layer of layers) {
    const run = runs.at(-1);
    if (run?.at(-1)?.layer === layer.layer - 1) run.push(layer);
    else runs.push([layer]);
  }
  return runs;
}

/** Layers with something to do for the tokens, by micro-batch. */
function byMicroBatch({ operations }: Program, wanted: Direction): Map<number, Map<number, ChainLayer>> {
  const all = new Map<number, Map<number, ChainLayer>>();
  for (const operation of operations) {
    const { direction, microBatch, layer, dense, exchange, peerRole } = operation;
    if (direction !== wanted || !worksOnTokens(operation)) continue;
    const layers = all.get(microBatch) ?? new Map<number, ChainLayer>();
    all.set(microBatch, layers);
    const known = layers.get(layer)?.exchange;
    // What is handed over goes by an exchange of its own.
    layers.set(layer, { layer, dense, exchange: peerRole === undefined ? (exchange ?? known) : known });
  }
  return all;
}

/** @returns whether an operation does anything to real tokens. */
export function worksOnTokens({ tokens, collective, peerRole }: Operation): boolean {
  return tokens.length > 0 || peerRole !== undefined || (collective !== undefined && collective.mode !== 'pipeline');
}
