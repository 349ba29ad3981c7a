import type { Operation, Program } from '@epemu/schedule';

/** An operation as trace files list it, in their `epemu` metadata. */
export type ListedOperation = Pick<
  Operation,
  'id' | 'phase' | 'kind' | 'stream' | 'layer' | 'microBatch' | 'gates' | 'issue'
>;

/** @returns what trace files say of the program: what bounds a layer, and the recorded operations with their gates. */
export function programMetadata(program: Program): { layerMarker: string; operations: ListedOperation[] } {
  const recorded = program.operations.filter((operation) => operation.recorded);
  const ids = new Set(recorded.map(({ id }) => id));
  const operations = recorded.map(({ id, phase, kind, stream, layer, microBatch, gates, issue }) => ({
    ...{ id, phase, kind, stream, layer, microBatch },
    // What was not recorded is not in the file: a gate that leads there would lead nowhere.
    gates: gates.filter((gate) => ids.has(gate)),
    ...(issue !== undefined && ids.has(issue) ? { issue } : {}),
  }));
  return { layerMarker: program.layerMarker, operations };
}
