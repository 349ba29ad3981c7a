import type { Operation } from '@epemu/schedule';
import type { KernelIdentity, ProgramFacts, RankStream } from '@epemu/timeline';

/** An operation as trace files list it, in their `epemu` metadata. */
export type ListedOperation = Pick<
  Operation,
  'id' | 'phase' | 'kind' | 'stream' | 'layer' | 'microBatch' | 'gates' | 'issue' | 'transfer'
>;

/** What trace files say of a run's program, in their `epemu` metadata. */
export interface ProgramMetadata {
  /** The phase whose starts bound a layer. */
  readonly layerMarker: string;
  /** The recorded operations, with their gates. */
  readonly operations: readonly ListedOperation[];
  /** What kernels are; the `kernel` of an event is a place in this list. Names are the events' own. */
  readonly kernels: readonly Omit<KernelIdentity, 'name' | 'library'>[];
  readonly streams: readonly { readonly id: number; readonly role: RankStream['role'] }[];
}

/** @returns what trace files say of the program. */
export function programMetadata({ program, identities, streams }: ProgramFacts): ProgramMetadata {
  const recorded = program.operations.filter((operation) => operation.recorded);
  const ids = new Set(recorded.map(({ id }) => id));
  const operations = recorded.map(({ id, phase, kind, stream, layer, microBatch, gates, issue, transfer }) => ({
    ...{ id, phase, kind, stream, layer, microBatch },
    // What was not recorded is not in the file: a gate that leads there would lead nowhere.
    gates: gates.filter((gate) => ids.has(gate)),
    ...(issue !== undefined && ids.has(issue) ? { issue } : {}),
    ...(transfer === undefined ? {} : { transfer }),
  }));
  return {
    layerMarker: program.layerMarker,
    operations,
    kernels: identities.map(({ label, class: kernelClass, category, collective, ctas }) => {
      return { label, class: kernelClass, category, collective, ctas };
    }),
    streams: streams.map(({ id, role }) => ({ id: Number(id), role })),
  };
}
