import { InvariantError } from '@epemu/core';
import { idLimit } from '@epemu/schedule';
import type { Operation } from '@epemu/schedule';
import { BackwardWork } from './backward.js';
import { chainsOf, worksOnTokens } from './chains.js';
import { Completions } from './completions.js';
import { ForwardWork } from './forward.js';
import type { TokenPlane } from './plane.js';

function placeKey(microBatch: number, layer: number): string {
  return `${microBatch} ${layer}`;
}

/**
 * Runs the program's work on real tokens: a loop per stream, in launch order, joined by the same gates as its time. It
 * waits for messages and computations, never for virtual time.
 */
export class TokenProgram {
  readonly #plane: TokenPlane;
  readonly #done: Completions;
  readonly #forward = new Map<string, ForwardWork>();
  readonly #backward = new Map<string, BackwardWork>();
  /** Forwards before virtual time 0, by micro-batch. */
  readonly #earlier = new Map<number, Promise<void>>();
  /** Transfers that were issued, by the issue's id. */
  readonly #issued = new Map<number, Promise<void>>();

  constructor(plane: TokenPlane) {
    this.#plane = plane;
    const { program } = plane.host;
    this.#done = new Completions(idLimit(program));
    const { forward, backward } = chainsOf(program);
    for (const chain of forward) {
      const work = new ForwardWork(plane, chain);
      for (const { layer } of chain.layers) this.#forward.set(placeKey(chain.microBatch, layer), work);
    }
    for (const chain of backward) {
      const { microBatch, layers } = chain;
      const work = new BackwardWork(plane, chain, this.#forward.get(placeKey(microBatch, layers[0].layer))!);
      for (const { layer } of layers) this.#backward.set(placeKey(microBatch, layer), work);
    }
  }

  /** Runs everything. @throws the first failure of a message or a computation. */
  async run(): Promise<void> {
    const { program } = this.#plane.host;
    for (const { microBatch, layers } of program.earlier) {
      this.#earlier.set(microBatch, this.#forward.get(placeKey(microBatch, layers[0].layer))!.runAll());
    }
    const streams = program.streams.map(({ id }) =>
      this.#runStream(program.operations.filter(({ stream }) => stream === id)),
    );
    await Promise.all([...this.#earlier.values(), ...streams]);
  }

  /** @returns undefined where an operation's work on tokens is done, else a promise of it. */
  done(operation: number): Promise<undefined> | undefined {
    return this.#done.of(operation);
  }

  /** Rejects everything that is waited for. */
  fail(error: Error): void {
    this.#done.fail(error);
  }

  async #runStream(operations: readonly Operation[]): Promise<void> {
    for (const operation of operations) {
      for (const gate of operation.gates) await this.#done.of(gate);
      await this.#plane.host.rowBegins(operation.row);
      if (worksOnTokens(operation)) await this.#perform(operation);
      this.#done.tell(operation.id);
    }
  }

  async #perform(operation: Operation): Promise<void> {
    const { microBatch, direction, layer, tokens, kind, collective } = operation;
    if (direction === 'backward') await this.#earlier.get(microBatch);
    const work = (direction === 'forward' ? this.#forward : this.#backward).get(placeKey(microBatch, layer))!;
    if (collective?.type === 'receive') await work.takeOver(operation.exchange!, operation.peerRole!);
    for (const action of tokens) {
      // Reading the layer's input takes no arithmetic of its own: the stand-in for attention does it.
      if (action === 'project') continue;
      if (action === 'route') {
        if (work instanceof ForwardWork) await work.route(layer);
        continue;
      }
      await work[action](layer);
    }
    if (collective?.type === 'send') await work.handOn(layer, operation.exchange!, operation.peerRole!);
    if (collective === undefined || collective.mode === 'pipeline') return;
    const move = (): Promise<void> => (collective.type === 'dispatch' ? work.dispatch(layer) : work.combine(layer));
    if (kind === 'collective') {
      await move();
    } else if (kind === 'issue') {
      const moving = move();
      // Whoever waits sees the failure; here it must only not count as unhandled until then.
      moving.catch(() => undefined);
      this.#issued.set(operation.id, moving);
    } else {
      const moving = this.#issued.get(operation.issue!);
      if (moving === undefined) throw new InvariantError(`${operation.phase} of layer ${layer} waits for nothing`);
      this.#issued.delete(operation.issue!);
      await moving;
    }
  }
}
