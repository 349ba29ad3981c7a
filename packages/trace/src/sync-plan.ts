import { blocksHost } from '@epemu/schedule';
import type { Operation, Program } from '@epemu/schedule';

/** One kernel of the program. */
export interface KernelPlace {
  readonly operation: number;
  /** Place in the operation's kernels. */
  readonly index: number;
}

/** What a CPU has to call around the launch of a kernel, so that streams and CPU wait for each other. */
export interface KernelSync {
  /** Kernels of other streams that it waits for: the stream is made to, before the launch. */
  readonly waits: readonly KernelPlace[];
  /** Whether its end is waited for, and an event recorded behind it. */
  readonly isRecorded: boolean;
  /** Whether the CPU itself waits for its end before it goes on. */
  readonly isPolled: boolean;
}

const NONE: KernelSync = { waits: [], isRecorded: false, isPolled: false };

/** Which kernels of a program wait for kernels of other streams: a function of the program, the same on each rank. */
export class SyncPlan {
  readonly #waits = new Map<string, readonly KernelPlace[]>();
  readonly #recorded = new Set<string>();
  readonly #polled = new Set<string>();

  constructor(program: Program) {
    // Kernels of a graph wait by its edges: nothing calls for it.
    if (program.launch === 'graph') return;
    const known = new Map<number, Operation>();
    const lastOnStream = new Map<string, Operation>();
    for (const operation of program.operations) {
      if (operation.recorded) this.#add(program, operation, known, lastOnStream.get(streamKey(operation)));
      lastOnStream.set(streamKey(operation), operation);
    }
  }

  /** What is called around the launch of a kernel. */
  of(operation: number, index: number): KernelSync {
    const key = keyOf({ operation, index });
    const waits = this.#waits.get(key);
    const isRecorded = this.#recorded.has(key);
    if (waits === undefined && !isRecorded) return NONE;
    return { waits: waits ?? [], isRecorded, isPolled: this.#polled.has(key) };
  }

  /** @param before the operation before it on its stream. */
  #add(program: Program, operation: Operation, known: Map<number, Operation>, before: Operation | undefined): void {
    const { id, kernels, gates, stream: own } = operation;
    // Gates are of operations before it: an event that is not recorded yet is not waited for.
    const sources = gates.flatMap((gate) => lastKernels(known.get(gate)));
    const begun = new Set<number>();
    kernels.forEach(({ stream = own, after }, index) => {
      const waited: KernelPlace[] = [];
      if (after !== undefined) waited.push({ operation: id, index: after });
      else if (!begun.has(stream)) {
        waited.push(...sources);
        // What runs beside an operation's own stream from its start on starts behind what that stream did before.
        if (stream !== own && before?.recorded === true) waited.push(...lastKernels(before));
      }
      begun.add(stream);
      this.#wait({ operation: id, index }, stream, waited, operation, known);
    });
    known.set(id, operation);
    const polled = blocksHost(program, operation) ? kernels.findIndex(({ role }) => role === 'notify') : -1;
    if (polled < 0) return;
    this.#polled.add(keyOf({ operation: id, index: polled }));
    this.#recorded.add(keyOf({ operation: id, index: polled }));
  }

  #wait(
    place: KernelPlace,
    stream: number,
    waited: readonly KernelPlace[],
    operation: Operation,
    known: ReadonlyMap<number, Operation>,
  ): void {
    const others = new Map<string, KernelPlace>();
    for (const source of waited) {
      const from = source.operation === operation.id ? operation : known.get(source.operation)!;
      // A stream waits for itself without being told.
      if ((from.kernels[source.index].stream ?? from.stream) !== stream) others.set(keyOf(source), source);
    }
    if (others.size === 0) return;
    this.#waits.set(keyOf(place), [...others.values()]);
    for (const key of others.keys()) this.#recorded.add(key);
  }
}

function keyOf({ operation, index }: KernelPlace): string {
  return `${operation}:${index}`;
}

function streamKey({ role, stream }: Operation): string {
  return `${role}:${stream}`;
}

/** @returns the kernels whose ends are the operation's end: the last on each stream that no other one waits for. */
function lastKernels(operation: Operation | undefined): KernelPlace[] {
  if (operation === undefined) return [];
  const { id, kernels, stream: own } = operation;
  const last = new Map<number, number>();
  kernels.forEach(({ stream = own }, index) => last.set(stream, index));
  const awaited = new Set(kernels.map(({ after }) => after));
  const ends = [...last.values()].filter((index) => !awaited.has(index));
  return ends.map((index) => ({ operation: id, index }));
}
