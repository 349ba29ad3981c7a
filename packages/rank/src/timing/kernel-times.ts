import { lastingSlowness, tailOf } from '@epemu/config';
import { InvariantError, hash32, normalQuantile } from '@epemu/core';
import type { KernelShares, Sizes } from '@epemu/kernels';
import type { Operation } from '@epemu/schedule';
import { receivedKey } from './context.js';
import type { TimingContext } from './context.js';

/** Distinguishes the jitter's draws from all others made of the same seed. */
const JITTER_DRAW = 0x6a697474;

/** Rows that the rank's experts got in a dispatch, and how many tokens these belong to. */
interface ReceivedRows {
  readonly rowsOfExperts: Float64Array;
  readonly receivedTokens: number;
}

/** How long the kernels of a rank's operations take, by what they work on; each is recorded for replay. */
export class KernelTimes {
  readonly #context: TimingContext;
  /** Operations that share the GPU with collectives. */
  readonly #sharing: ReadonlySet<number>;
  readonly #receivedRows = new Map<string, ReceivedRows>();
  /** What phases of a micro-batch work on without rows of experts, and with those of its last layer. */
  readonly #sizesWithoutRows = new Map<number, Sizes>();
  readonly #sizesWithRows = new Map<number, { received: ReceivedRows; sizes: Sizes }>();

  constructor(context: TimingContext) {
    this.#context = context;
    const sharing = context.program.operations.filter(({ beside }) => beside.length > 0);
    this.#sharing = new Set(sharing.flatMap(({ id, beside }) => [id, ...beside]));
  }

  /** Notes what a dispatch brought to the rank's experts. */
  note(operation: Operation, received: ReceivedRows): void {
    this.#receivedRows.set(receivedKey(operation), received);
  }

  /** Times kernel `index` of a compute operation; each is timed once. */
  ofCompute(operation: Operation, index: number): KernelShares {
    const { catalogue, configuration } = this.#context;
    const { computeSms, communicationSms } = configuration.schedule;
    const sizes = this.#sizes(operation, index);
    const kernel = catalogue.kernels(operation.list)[index];
    const slowness = this.#slowness(operation);
    if (!this.#sharing.has(operation.id)) {
      return this.#recorded(operation, index, Math.round(kernel.durationNs(sizes, computeSms) * slowness));
    }
    const { soloNs, besideNs, memoryNs } = kernel.shares(sizes, computeSms, communicationSms);
    const rounded = Math.round(soloNs * slowness);
    return this.#recorded(operation, index, rounded, Math.max(rounded, Math.round(besideNs * slowness)), memoryNs);
  }

  /** Times kernel `index` of what communicates, alone. @param sms that it has, where it computes. */
  ofCollective(operation: Operation, index: number, sms: number): number {
    const kernel = this.#context.catalogue.kernels(operation.list)[index];
    // The cast before a collective is compute and slows with its rank; the collective's own kernels do not.
    const slowness = kernel.role === undefined ? this.#slowness(operation) : 1;
    const soloNs = Math.round(kernel.durationNs(this.#sizes(operation, index), sms) * slowness);
    return this.#recorded(operation, index, soloNs).soloNs;
  }

  #recorded(operation: Operation, index: number, soloNs: number, besideNs = soloNs, memoryNs = 0): KernelShares {
    this.#context.record.durations.push(operation.id, index, soloNs, besideNs, memoryNs);
    return { soloNs, besideNs, memoryNs };
  }

  /** How much longer this rank's compute takes than the model says: jitter and injected slowness. */
  #slowness(operation: Operation): number {
    const { configuration, rank } = this.#context;
    const draw = normalQuantile(hash32(configuration.seed, JITTER_DRAW, rank, operation.id));
    const slow = lastingSlowness(configuration, rank) * tailOf(configuration, rank, operation.id);
    return Math.max(0.1, 1 + configuration.jitter * draw) * slow;
  }

  /** Sizes that an operation's kernels work on; made anew only when rows are, which takes longer than timing. */
  #sizes(operation: Operation, index: number): Sizes {
    const { microBatch } = operation;
    const received = this.#receivedRows.get(receivedKey(operation));
    if (received === undefined) {
      // Never a guess: whether rows are known yet would depend on the host's order.
      if (this.#context.catalogue.kernels(operation.list)[index].followsRows) {
        throw new InvariantError(`${operation.phase} of layer ${operation.layer} is timed before its rows are known`);
      }
      let sizes = this.#sizesWithoutRows.get(microBatch);
      if (sizes === undefined) this.#sizesWithoutRows.set(microBatch, (sizes = this.#newSizes(microBatch, received)));
      return sizes;
    }
    const last = this.#sizesWithRows.get(microBatch);
    if (last?.received === received) return last.sizes;
    const sizes = this.#newSizes(microBatch, received);
    this.#sizesWithRows.set(microBatch, { received, sizes });
    return sizes;
  }

  #newSizes(microBatch: number, received: ReceivedRows | undefined): Sizes {
    const { catalogue, microBatches } = this.#context;
    const { tokens, attentionPairs } = microBatches[microBatch];
    return catalogue.sizesOf({
      tokens,
      attentionPairs,
      rowsOfExperts: received?.rowsOfExperts ?? [],
      receivedTokens: received?.receivedTokens ?? 0,
    });
  }
}
