import type { Operation } from '@epemu/schedule';
import type { ReplayModel } from './model.js';
import type { Readiness, ReplayNetwork, ReplaySegment } from './network.js';

/** One rank's part in one transfer. */
interface Part {
  startNs: number | undefined;
  load: () => number;
  endNs: number;
  /** Services at this rank's ports that have not happened yet. */
  open: number;
  done: ((endNs: number) => void) | undefined;
  /** Second-hop segments, by the key of what they wait for. */
  readonly forwards: Map<string, Forward>;
}

/** Second-hop segments that wait for the same first-hop ones, and when these begin to be there and are all there. */
interface Forward {
  readonly segments: ReplaySegment[];
  missing: number;
  readyNs: number;
  arrivedNs: number;
}

/** Segments on their way: what a rank sends, what that lets others forward, and when each rank is done. */
export class ReplayTransfers {
  readonly #model: ReplayModel;
  readonly #network: ReplayNetwork;
  readonly #parts = new Map<number, Part>();
  readonly #ranks: number;

  constructor(model: ReplayModel, network: ReplayNetwork, operations: readonly Operation[]) {
    this.#model = model;
    this.#network = network;
    this.#ranks = network.segments.length;
    for (const operation of operations) {
      for (let rank = 0; rank < this.#ranks; rank++) this.#parts.set(this.#key(operation.id, rank), newPart());
    }
    network.segments.forEach((byHop, rank) => {
      for (const [key, segments] of byHop) this.#expect(rank, key % 4, segments);
    });
    // First-hop segments tell how much each second-hop one waits for.
    for (const segment of network.segments.flatMap((byHop) => [...byHop.values()].flat())) {
      if (segment.hop !== 1) continue;
      const forward = this.#part(segment.received, segment.receiver).forwards.get(forwardKey(segment));
      if (forward !== undefined) forward.missing++;
    }
  }

  /**
   * A transfer's kernel starts at a rank (an issue: its sending is done).
   * @param load tells what computes beside it at that moment, in millionths of the memory bandwidth.
   */
  start(rank: number, operation: Operation, startNs: number, load: () => number, done: (endNs: number) => void): void {
    const part = this.#part(operation, rank);
    const sendNs = (hop: number): number => startNs + this.#model.startNs(operation, hop, rank);
    part.startNs = operation.collective!.mode === 'normal' ? sendNs(1) : startNs;
    part.load = load;
    part.endNs = Math.max(part.endNs, part.startNs);
    part.done = done;
    for (const hop of this.#readyHops(operation)) {
      for (const segment of this.#network.segments[rank].get(operation.id * 4 + hop) ?? []) {
        this.#send(segment, { readyNs: sendNs(hop), arrivedNs: Number.NEGATIVE_INFINITY });
      }
    }
    for (const forward of part.forwards.values()) if (forward.missing === 0) this.#forward(part, forward);
    this.#settle(part);
  }

  /** Hops whose segments wait for no other hop: only normal mode forwards. */
  #readyHops({ collective }: Operation): readonly number[] {
    return collective!.mode === 'normal' ? [1] : [1, 2];
  }

  #key(operation: number, rank: number): number {
    return operation * this.#ranks + rank;
  }

  #part(operation: Operation, rank: number): Part {
    return this.#parts.get(this.#key(operation.id, rank))!;
  }

  #expect(rank: number, hop: number, segments: readonly ReplaySegment[]): void {
    for (const segment of segments) {
      const sending = this.#part(segment.operation, rank);
      // Of a background transfer only what comes in matters.
      if (segment.operation.kind === 'collective') sending.open++;
      this.#part(segment.received, segment.receiver).open++;
      if (this.#readyHops(segment.operation).includes(hop)) continue;
      const key = forwardKey(segment);
      const forward = sending.forwards.get(key) ?? { segments: [], missing: 0, readyNs: 0, arrivedNs: 0 };
      forward.segments.push(segment);
      sending.forwards.set(key, forward);
    }
  }

  #send(segment: ReplaySegment, ready: Readiness): void {
    const { operation, received, sender, receiver } = segment;
    this.#network.send(
      segment,
      ready,
      this.#part(operation, sender).load,
      (endNs) => {
        if (operation.kind === 'collective') this.#served(this.#part(operation, sender), endNs);
      },
      ({ startNs, endNs }) => {
        const part = this.#part(received, receiver);
        const forward = segment.hop === 1 ? part.forwards.get(forwardKey(segment)) : undefined;
        if (forward !== undefined) {
          forward.readyNs = Math.max(forward.readyNs, startNs);
          forward.arrivedNs = Math.max(forward.arrivedNs, endNs);
          forward.missing--;
          if (forward.missing === 0 && part.startNs !== undefined) this.#forward(part, forward);
        }
        this.#served(part, endNs);
      },
    );
  }

  #forward(part: Part, { segments, readyNs, arrivedNs }: Forward): void {
    for (const segment of segments) this.#send(segment, { readyNs: Math.max(readyNs, part.startNs!), arrivedNs });
  }

  #served(part: Part, endNs: number): void {
    part.endNs = Math.max(part.endNs, endNs);
    part.open--;
    this.#settle(part);
  }

  #settle(part: Part): void {
    if (part.open > 0 || part.done === undefined) return;
    const { done } = part;
    part.done = undefined;
    done(part.endNs);
  }
}

function newPart(): Part {
  return { startNs: undefined, load: () => 0, endNs: 0, open: 0, done: undefined, forwards: new Map() };
}

/** What second-hop segments wait for: a dispatch for the home's segment, a combine for all that is reduced with it. */
function forwardKey({ operation, origin, destination, number }: ReplaySegment): string {
  return operation.collective!.type === 'dispatch' ? `${origin}:${number}` : `${destination}:${number}`;
}
