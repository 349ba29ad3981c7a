import type { Configuration } from '@epemu/config';
import { MemoryFabric } from '@epemu/fabric';
import type { Operation, Program } from '@epemu/schedule';
import { encodeColumns, encodeOperations, encodeTimeline } from '@epemu/timeline';
import type { WorkerStatistics } from './control/messages.js';
import type { RunSpool } from './output/spool.js';
import { RankGroup } from './worker/rank-group.js';

/**
 * Runs all ranks in this process over the memory fabric.
 * @throws the first failure of a rank; what the ranks recorded until then is in the spool.
 */
export async function runInMemory(
  configuration: Configuration,
  program: Program,
  spool: RunSpool,
  signal: AbortSignal | undefined,
  onOperation: (operation: Operation) => void,
): Promise<WorkerStatistics> {
  const fabric = new MemoryFabric({});
  const ranks = Array.from({ length: configuration.ranks }, (_, rank) => rank);
  const { threads } = configuration;
  const group = new RankGroup({
    configuration,
    program,
    fabric,
    ranks,
    threads,
    onOperation: (_rank, operation) => {
      onOperation(operation);
    },
  });
  const abort = (): void => {
    group.abort(signal?.reason);
  };
  signal?.addEventListener('abort', abort);
  try {
    await group.run();
  } finally {
    signal?.removeEventListener('abort', abort);
    for (const rank of group.ranks) {
      const { timeline, operations, numerics } = rank.snapshot();
      spool.storeTimeline(rank.rank, encodeTimeline(timeline));
      spool.storeOperations(rank.rank, encodeOperations(operations));
      spool.addNumerics(numerics);
    }
    const source = { worker: 0, pid: process.pid, host: 'localhost', ranks, offsetNs: 0 };
    spool.addHostEvents(source, encodeColumns(group.hostEvents));
    await fabric.close();
    await group.close();
  }
  const { messagesSent, wireBytesSent, framesSent, decodeErrors } = fabric.statistics;
  const peakRssBytes = process.resourceUsage().maxRSS * 1024;
  return { messagesSent, wireBytesSent, framesSent, decodeErrors, peakRssBytes };
}
