import { measuresBy } from './load.js';
import { rowOf } from './row.js';
import type { CalibrationRow } from './row.js';
import type { CollectiveMeasure } from './schema.js';

/** Options of a dispatch and combine alone, under which figures were published. */
export type CollectiveCase = Pick<CollectiveMeasure, 'mode' | 'era' | 'ranks' | 'tokens'>;

/** What came out of one, as `epemu collective` has it: µs, logical GB/s, bytes a rank. */
export interface CollectiveOutcome {
  readonly nodesPerToken: number;
  readonly dispatch: CollectiveHalf;
  readonly combine: CollectiveHalf;
}

interface CollectiveHalf {
  readonly us: number;
  readonly gbps: number;
  readonly bytes: number;
}

function caseOf({ mode, era, ranks, tokens }: CollectiveMeasure): CollectiveCase {
  return { mode, era, ranks, ...(tokens === undefined ? {} : { tokens }) };
}

function keyOf({ mode, era, ranks, tokens = 0 }: CollectiveCase): string {
  return `${mode} ${era} ${ranks} ${tokens}`;
}

/** @returns the distinct cases that published figures need. */
export function collectiveCases(): CollectiveCase[] {
  return [...new Map(measuresBy('collective').map(({ measure }) => [keyOf(measure), caseOf(measure)])).values()];
}

function emulatedOf({ of, figure }: CollectiveMeasure, outcome: CollectiveOutcome): number {
  if (figure === 'nodesPerToken') return outcome.nodesPerToken;
  const { dispatch, combine } = outcome;
  if (of === 'both' || of === 'routing') return dispatch[figure] + combine[figure];
  return outcome[of][figure];
}

/** @returns the published figures of a case beside what came out of it. */
export function collectiveRows(of: CollectiveCase, outcome: CollectiveOutcome): CalibrationRow[] {
  return measuresBy('collective')
    .filter(({ measure }) => keyOf(measure) === keyOf(of))
    .map(({ figure, index, measure }) => rowOf(figure, index, emulatedOf(measure, outcome)));
}
