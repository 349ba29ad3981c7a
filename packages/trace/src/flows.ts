import { GOLDEN, InvariantError, mix32 } from '@epemu/core';
import type { Operation } from '@epemu/schedule';
import type { ProgramFacts, RankView } from '@epemu/timeline';

import { microseconds } from './json.js';

/** Segments that one (operation, hop, origin, destination) may have, so that flow ids stay exact integers. */
const SEGMENTS = 1 << 16;
/** Hops are numbered from 1. */
const HOPS = 2;

/**
 * A flow's id: its segment's key in mixed radix. Sender and receiver work it out each for itself, and no two segments
 * share one.
 */
export function flowId(
  ranks: number,
  operation: number,
  hop: number,
  origin: number,
  destination: number,
  segment: number,
): number {
  const id = (((operation * HOPS + hop - 1) * ranks + origin) * ranks + destination) * SEGMENTS + segment + 1;
  if (segment >= SEGMENTS || hop < 1 || hop > HOPS || id > Number.MAX_SAFE_INTEGER) {
    throw new InvariantError(
      `operation ${operation} has no flow id for segment ${segment} of hop ${hop} from ${origin} to ${destination}`,
    );
  }
  return id;
}

/** @returns a flow's place in [0, 2^32): it is drawn when that is below the plan's threshold, at both its ends. */
export function flowHash(operation: number, hop: number, origin: number, destination: number, segment: number): number {
  let h = mix32(operation * HOPS + hop - 1) + GOLDEN;
  h = mix32(h ^ origin) + GOLDEN;
  h = mix32(h ^ destination) + GOLDEN;
  return mix32(h ^ segment);
}

/** The kernel that an end of an operation's flows is drawn at. */
interface FlowKernel {
  readonly operation: number;
  /** Index of its identity. */
  readonly kernel: number;
}

/** Which kernels flows leave from and arrive at, by the id of the operation that sends. */
export class FlowKernels {
  readonly senders = new Map<number, FlowKernel>();
  readonly receivers = new Map<number, FlowKernel>();
  readonly #kernels = new Set<string>();

  constructor(facts: ProgramFacts) {
    const { operations } = facts.program;
    const waits = new Map<number, Operation>();
    for (const operation of operations) {
      if (operation.kind === 'wait' && operation.issue !== undefined) waits.set(operation.issue, operation);
    }
    for (const operation of operations) {
      if (!operation.recorded || operation.collective === undefined || operation.kind === 'wait') continue;
      const receiver = operation.kind === 'issue' ? waits.get(operation.id) : operation;
      const from = transferKernel(operation, facts);
      const to = receiver?.recorded === true ? transferKernel(receiver, facts) : undefined;
      // Both ends or none: a rank cannot see whether the other one drew its own.
      if (from === undefined || to === undefined) continue;
      this.senders.set(operation.id, from);
      this.receivers.set(operation.id, to);
      for (const { operation: id, kernel } of [from, to]) this.#kernels.add(`${id}:${kernel}`);
    }
  }

  /** How many kernels of a rank flows end at. */
  get count(): number {
    return this.#kernels.size;
  }

  /** Whether flows end at this kernel, so that thinning must keep it. */
  holds(operation: number, kernel: number): boolean {
    return this.#kernels.has(`${operation}:${kernel}`);
  }
}

/** The kernel that transfers; in a wait that has none of that role, its last. */
function transferKernel(operation: Operation, facts: ProgramFacts): FlowKernel | undefined {
  const item = operation.kernels.find(({ role }) => role === 'transfer') ?? operation.kernels.at(-1);
  if (item === undefined) return undefined;
  return { operation: operation.id, kernel: facts.identity(operation.id, item.kernel) };
}

/** Where one rank's flows of an operation begin or end: the slice of a kernel, µs. */
export interface FlowSlice {
  readonly tid: number;
  readonly start: number;
  readonly end: number;
}

/** @returns the slices of the given kernels in one rank, by the id of the operation that sends. */
export function flowSlices({ content }: RankView, wanted: ReadonlyMap<number, FlowKernel>): Map<number, FlowSlice> {
  const { kernels, streams, instances } = content;
  const ofOperation = new Map(instances.map((instance) => [instance.operation, instance]));
  const slices = new Map<number, FlowSlice>();
  for (const [sends, { operation, kernel }] of wanted) {
    const row = ofOperation.get(operation)?.rows.findLast((candidate) => kernels.kernel[candidate] === kernel);
    if (row === undefined) continue;
    slices.set(sends, {
      tid: Number(streams[kernels.stream[row]].id),
      start: microseconds(kernels.startNs[row]),
      end: microseconds(kernels.endNs[row]),
    });
  }
  return slices;
}

/** @returns the time moved into the slice; before its very end, where viewers would bind it to what comes next. */
export function clampInto(slice: FlowSlice, ts: number): number {
  return Math.max(slice.start, Math.min(ts, slice.end - 1));
}
