import type { Operation, Program } from '@epemu/schedule';
import type { RankTimeline } from '@epemu/timeline';

/** When an operation ran on a rank, over all its kernels. */
export interface Span {
  readonly startNs: number;
  readonly endNs: number;
}

/** @returns the span of every recorded operation of a rank, by operation. */
export function spansOf(timeline: RankTimeline): Map<number, Span> {
  const { events } = timeline;
  const [operations, starts, ends] = (['operation', 'startNs', 'endNs'] as const).map((name) => events.column(name));
  const spans = new Map<number, Span>();
  operations.forEach((id, i) => {
    const span = spans.get(id);
    spans.set(id, {
      startNs: Math.min(span?.startNs ?? Number.POSITIVE_INFINITY, starts[i]),
      endNs: Math.max(span?.endNs ?? Number.NEGATIVE_INFINITY, ends[i]),
    });
  });
  return spans;
}

/** @returns what is wrong with a rank's times against the program's gates: early starts, in words. */
export function earlyStarts(program: Program, timeline: RankTimeline): string[] {
  const spans = spansOf(timeline);
  const transfers = new Map<number, number>();
  const arrivals = timeline.transfers.column('endNs');
  timeline.transfers.column('operation').forEach((id, i) => transfers.set(id, arrivals[i]));
  return program.operations.flatMap((operation) => {
    const span = spans.get(operation.id);
    if (span === undefined) return [];
    const late = operation.gates.filter((gate) => (spans.get(gate)?.endNs ?? Number.NEGATIVE_INFINITY) > span.startNs);
    const problems = late.map((gate) => `${operation.phase} before the end of ${program.operations[gate].phase}`);
    const arrived = operation.issue === undefined ? undefined : transfers.get(operation.issue);
    if (arrived !== undefined && span.endNs < arrived) problems.push(`${operation.phase} ends before its last byte`);
    return problems.map((problem) => `rank ${timeline.rank}: ${problem} (row ${operation.row})`);
  });
}

/** @returns kernels that begin before the one before them on their stream has ended, in words. */
export function selfOverlaps(timeline: RankTimeline): string[] {
  const { events } = timeline;
  const [streams, starts, ends] = (['stream', 'startNs', 'endNs'] as const).map((name) => events.column(name));
  const byStart = Array.from({ length: events.count }, (_, i) => i).sort(
    (a, b) => streams[a] - streams[b] || starts[a] - starts[b] || ends[a] - ends[b],
  );
  return byStart.flatMap((row, i) => {
    const before = byStart[i - 1];
    const overlaps = i > 0 && streams[before] === streams[row] && starts[row] < ends[before];
    return overlaps ? [`rank ${timeline.rank}, stream ${streams[row]}, at ${starts[row]} ns`] : [];
  });
}

/** @returns the phases of a row on a stream, in launch order. */
export function rowOf(program: Program, row: number, stream: number): string[] {
  return program.operations.filter((o) => o.row === row && o.stream === stream).map(({ phase }) => phase);
}

/** @returns an operation's gates as `phase`, or `phase@-1` where `step` says it is one before. */
export function gatesOf(program: Program, operation: Operation, step: (o: Operation) => number): string[] {
  return operation.gates.map((gate) => {
    const target = program.operations[gate];
    const distance = step(target) - step(operation);
    return distance === 0 ? target.phase : `${target.phase}@${distance}`;
  });
}
