import type { PhaseInstance, RankContent, RankView, RecordedWaits } from '@epemu/timeline';
import type { RunFacts } from '../model.js';

/** Integer µs of what ended and what then started may cross by what rounding adds. */
export const ROUNDING_NS = 1000;
/** More kinds of phases than this are no schedule but a profile of functions: only the latest end is looked at. */
const MOST_PHASES = 64;

/** For each phase instance of a rank, the instances whose ends it waited for beside those before it on its stream. */
export type Gates = readonly (readonly number[])[];

/** @returns gates as an emulated run's program has them. */
function knownGates(rank: RankContent, facts: RunFacts): Gates {
  const instances = new Map<number, number>();
  rank.instances.forEach(({ operation }, index) => {
    if (operation !== undefined) instances.set(operation, index);
  });
  const operations = new Map(facts.operations.map((operation) => [operation.id, operation]));
  return rank.instances.map(({ operation }) => {
    const gates = operation === undefined ? [] : (operations.get(operation)?.gates ?? []);
    return gates.flatMap((gate) => instances.get(gate) ?? []);
  });
}

/** A phase's instances with their ends ascending. */
interface PhaseRow {
  readonly stream: number;
  readonly indices: readonly number[];
}

function rowsOf(instances: readonly PhaseInstance[]): PhaseRow[] {
  const rows = new Map<string, { stream: number; indices: number[] }>();
  instances.forEach(({ phase, stream }, index) => {
    const key = `${stream} ${phase}`;
    const row = rows.get(key);
    if (row === undefined) rows.set(key, { stream, indices: [index] });
    else row.indices.push(index);
  });
  return [...rows.values()];
}

/**
 * Finds gates where a trace does not tell them: phase X waits for phase Y of another stream if, in every instance, the
 * same Y (so many places before) had ended when X started. What always held is taken for a gate; one that holds by
 * chance adds none of its own time to the trace as it is, and makes a what-if more careful.
 */
function inferredGates({ instances }: RankContent): Gates {
  const gates = instances.map((): number[] => []);
  const rows = rowsOf(instances);
  if (rows.length > MOST_PHASES) return latestEnds(instances);
  for (const waiting of rows) {
    for (const awaited of rows) {
      if (awaited.stream === waiting.stream) continue;
      // How many instances of Y had ended when the i-th of X started; the least lead is what always held.
      let ended = 0;
      let lead = Number.POSITIVE_INFINITY;
      waiting.indices.forEach((index, i) => {
        const { startNs } = instances[index];
        while (ended < awaited.indices.length && instances[awaited.indices[ended]].endNs <= startNs + ROUNDING_NS)
          ended++;
        lead = Math.min(lead, ended - i);
      });
      waiting.indices.forEach((index, i) => {
        const before = awaited.indices[i + lead - 1];
        if (before !== undefined) gates[index].push(before);
      });
    }
  }
  return gates;
}

/** Streams whose latest ends are looked at, those that ended last: a profile may have tens of thousands of streams. */
const MOST_STREAMS = 16;

/** @returns for each instance those of other streams that ended last before it started, one of each stream. */
function latestEnds(instances: readonly PhaseInstance[]): Gates {
  const byEnd = instances.map((_, index) => index).sort((a, b) => instances[a].endNs - instances[b].endNs || a - b);
  let next = 0;
  /** One of each stream, the latest behind the others. */
  const latest: number[] = [];
  return instances.map(({ startNs, stream }) => {
    for (; next < byEnd.length && instances[byEnd[next]].endNs <= startNs + ROUNDING_NS; next++) {
      const ended = byEnd[next];
      const before = latest.findIndex((index) => instances[index].stream === instances[ended].stream);
      if (before >= 0) latest.splice(before, 1);
      else if (latest.length > MOST_STREAMS) latest.shift();
      latest.push(ended);
    }
    return latest.filter((index) => instances[index].stream !== stream);
  });
}

/** @returns whether calls in the trace tell what of other streams a kernel waited for. */
export function isTold(waits: RecordedWaits | undefined, row: number): boolean {
  return waits?.untold?.has(row) === false;
}

/**
 * @returns the gates of a rank's phase instances: those its program has, or those that always held, unless calls in the
 *   trace tell what an instance waited for.
 */
export function gatesOf({ content }: RankView, facts: RunFacts): Gates {
  if (facts.operations.length > 0) return knownGates(content, facts);
  const { instances, waits } = content;
  return inferredGates(content).map((gates, index) => (isTold(waits, instances[index].rows[0]) ? [] : gates));
}
