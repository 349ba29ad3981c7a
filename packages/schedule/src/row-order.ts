import { BadInputError } from '@epemu/core';
import type { KernelCatalogue } from '@epemu/kernels';
import { LaunchGraph } from './launch-graph.js';
import { operationsById } from './program.js';
import type { Operation, Program } from './program.js';

/** Whether an operation brings the rows of its (layer, micro-batch, direction) to the experts. */
function bringsRows(candidate: Operation, operation: Operation): boolean {
  const { collective, kind } = candidate;
  return (
    collective?.type === 'dispatch' &&
    collective.mode !== 'pipeline' &&
    kind !== 'issue' &&
    candidate.layer === operation.layer &&
    candidate.microBatch === operation.microBatch &&
    candidate.direction === operation.direction
  );
}

/** Whether an operation cannot be timed before the rows of its dispatch are known. */
function needsRows(operation: Operation, catalogue: KernelCatalogue): boolean {
  const { collective, kind, list } = operation;
  if (bringsRows(operation, operation)) return false;
  if (collective?.type === 'combine' && kind !== 'wait') return true;
  return catalogue.kernels(list).some(({ followsRows }) => followsRows);
}

/**
 * Checks that whatever follows the rows that experts received is ordered, by streams and gates, behind the dispatch
 * that brings them: else its time would depend on who is first on the host.
 *
 * @throws BadInputError naming the phase.
 */
export function checkRowOrder(program: Program, catalogue: KernelCatalogue): void {
  const { operations } = program;
  const graph = new LaunchGraph(operations);
  const byId = operationsById(program);
  for (const operation of operations) {
    if (!needsRows(operation, catalogue)) continue;
    if (graph.follows(operation.id, (earlier) => bringsRows(byId.get(earlier)!, operation))) continue;
    const { phase, layer } = operation;
    throw new BadInputError(
      'schedule.phases',
      `phase ${phase} of layer ${layer} follows the rows of a dispatch that no gate puts before it; add it to its after`,
    );
  }
}
