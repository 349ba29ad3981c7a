import { Columns, stableOrder } from '@epemu/core';
import type { RankRecord } from './rank-record.js';
import type { RankTimeline } from './rank-timeline.js';

/** @returns the rows sorted by the given columns of integers; rows that agree in these keep their order. */
function sorted<Names extends string>(columns: Columns<Names>, by: readonly Names[]): Columns<Names> {
  const order = stableOrder(
    columns.count,
    by.map((name) => columns.columnFrom(name, 0)),
  );
  return Columns.from(
    columns.names,
    columns.names.map((name) => {
      // Not `column`, which keeps what it returns: a rank that is done must not grow.
      const values = columns.columnFrom(name, 0);
      const ordered = new Float64Array(order.length);
      for (let row = 0; row < ordered.length; row++) ordered[row] = values[order[row]];
      return ordered;
    }),
  );
}

/**
 * Puts a timeline into the one order that does not depend on how a rank's streams and ports took turns on the host:
 * events by stream, services by port; within these they were recorded in program order.
 */
export function canonicalTimeline(timeline: RankTimeline): RankTimeline {
  return {
    rank: timeline.rank,
    events: sorted(timeline.events, ['stream', 'operation']),
    services: sorted(timeline.services, ['port', 'operation']),
    transfers: sorted(timeline.transfers, ['operation']),
    receipts: sorted(timeline.receipts, ['layer', 'microBatch']),
  };
}

/** Puts a record of operations into canonical order, see {@link canonicalTimeline}. */
export function canonicalRecord(record: RankRecord): RankRecord {
  return {
    rank: record.rank,
    durations: sorted(record.durations, ['operation', 'index']),
    segments: sorted(record.segments, ['operation', 'hop']),
    copies: sorted(record.copies, ['operation', 'hop']),
    expertHashes: sorted(record.expertHashes, ['layer', 'microBatch', 'expert']),
  };
}
