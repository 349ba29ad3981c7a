import type { Configuration } from '@epemu/config';
import { InvariantError } from '@epemu/core';
import { transferOperations } from '@epemu/schedule';
import type { Program } from '@epemu/schedule';
import { canonicalTimeline } from '../canonical.js';
import { emptyTimeline } from '../rank-timeline.js';
import type { RankTimeline } from '../rank-timeline.js';
import type { RankRecord } from '../rank-record.js';
import { ReplayModel } from './model.js';
import { ReplayNetwork } from './network.js';
import type { HeaderDelay } from './network.js';
import { ReplayNotify } from './notify.js';
import { EventQueue } from './queue.js';
import { ReplayRank } from './rank.js';
import type { ReplayHost } from './rank.js';
import { ReplayTransfers } from './transfers.js';

/**
 * Times a finished run's recorded operations again, in one process and by one global event queue. It shares the port
 * arithmetic with the live ranks and nothing of what decides order there: equality of two live runs alone would hide a
 * wrong but repeatable order.
 *
 * @param records every rank's record, ascending by rank.
 * @param delays changes to headers on the wire, as a tampering proxy would make them.
 * @returns the timelines, ascending by rank; receipts are not replayed.
 * @throws InvariantError when the records do not let every operation end.
 */
export function replay(
  configuration: Configuration,
  program: Program,
  records: readonly RankRecord[],
  delays: readonly HeaderDelay[] = [],
): RankTimeline[] {
  const model = new ReplayModel(configuration);
  const queue = new EventQueue();
  const timelines = records.map((record) => emptyTimeline(record.rank));
  const network = new ReplayNetwork(model, queue, program, records, (rank) => timelines[rank].services, delays);
  const transfers = new ReplayTransfers(model, network, transferOperations(program));
  const notifies = new ReplayNotify(model, queue);
  const host: ReplayHost = {
    model,
    queue,
    program,
    notify: (rank, operation, startNs, done) => {
      notifies.start(rank, operation, startNs, done);
    },
    transfer: (rank, operation, startNs, load, done) => {
      transfers.start(rank, operation, startNs, load, done);
    },
  };
  const ranks = records.map((record, index) => new ReplayRank(host, timelines[index], record));
  for (const rank of ranks) rank.start();
  queue.run();
  const unfinished = ranks.findIndex((rank) => rank.unfinished > 0);
  if (unfinished >= 0) {
    const missing = ranks[unfinished].unfinished;
    throw new InvariantError(`replay stopped with ${missing} operations of rank ${unfinished} not ended`);
  }
  return timelines.map(canonicalTimeline);
}
