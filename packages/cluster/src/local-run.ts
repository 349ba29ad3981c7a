import { hostname } from 'node:os';
import type { Configuration } from '@epemu/config';
import { NoProgressError, deferred } from '@epemu/core';
import { MemoryFabric } from '@epemu/fabric';
import type { RunSpool } from '@epemu/outputs';
import { shareOf } from '@epemu/schedule';
import type { Program } from '@epemu/schedule';
import { encodeColumns, encodeRecord, encodeTimeline } from '@epemu/timeline';
import { whereText } from './coordinator/failure.js';
import type { WorkerStatistics } from './control/messages.js';
import type { Move, RunListener } from './run-events.js';
import { StallWatch } from './stall-watch.js';
import { RankGroup } from './worker/rank-group.js';

/** How often it is told how far the ranks are. */
const PROGRESS_INTERVAL_MS = 50;

/** Options of {@link runInThisProcess}. */
export interface LocalRunOptions {
  readonly configuration: Configuration;
  readonly program: Program;
  readonly spool: RunSpool;
  readonly signal: AbortSignal | undefined;
  /** Where the ranks send. @default a new memory fabric */
  readonly fabric?: MemoryFabric;
  /** Whether every operation's virtual times are told. */
  readonly follow: boolean;
  readonly onEvent: RunListener;
  /** Told of the ranks before they run. */
  readonly onRanks?: (group: RankGroup, fabric: MemoryFabric) => void;
}

/**
 * Runs all ranks in this process over the memory fabric.
 * @throws the first failure: of a rank, NoProgressError when none moves, or of storing what they recorded; what they
 * recorded until then is in the spool.
 */
export async function runInThisProcess(options: LocalRunOptions): Promise<WorkerStatistics> {
  const { configuration, program, spool, signal, fabric = new MemoryFabric({}) } = options;
  const ranks = Array.from({ length: configuration.ranks }, (_, rank) => rank);
  const { threads, stallTimeoutSeconds } = configuration;
  const { follow, onEvent } = options;
  const worker = { worker: 0, pid: process.pid, host: hostname(), ranks };
  onEvent({ type: 'placed', workers: [worker] });
  onEvent({ type: 'connecting', workers: [worker] });
  let moves: Move[] = [];
  let toldAt = 0;
  const tell = (): void => {
    toldAt = performance.now();
    const ended = moves;
    moves = [];
    const { messagesSent } = fabric.statistics;
    onEvent({ type: 'moved', worker: 0, operations: [...group.current], messagesSent, moves: ended });
  };
  const group = new RankGroup({
    configuration,
    program,
    fabric,
    ranks,
    threads,
    onOperation: () => {
      if (performance.now() - toldAt >= PROGRESS_INTERVAL_MS) tell();
    },
    ...(follow ? { onMove: (move) => void moves.push(move) } : {}),
  });
  options.onRanks?.(group, fabric);
  const abort = (): void => {
    group.abort(signal?.reason);
  };
  signal?.addEventListener('abort', abort);
  // An interrupt that came while the run was prepared must not be lost.
  if (signal?.aborted === true) abort();
  const stalled = deferred<never>();
  const moved = (): number => group.operationsStarted + fabric.statistics.messagesReceived;
  const watch = new StallWatch(stallTimeoutSeconds, moved, () => {
    const error = stallError(program, group.current, ranks, stallTimeoutSeconds);
    stalled.reject(error);
    group.abort(error);
  });
  try {
    try {
      onEvent({ type: 'started' });
      await Promise.race([group.run(), stalled.promise]);
      tell();
      onEvent({ type: 'finished', worker: 0 });
    } finally {
      watch.end();
      signal?.removeEventListener('abort', abort);
      store(group, spool);
    }
  } finally {
    await fabric.close();
    await group.close();
  }
  const { messagesSent, wireBytesSent, framesSent, decodeErrors } = fabric.statistics;
  const peakRssBytes = process.resourceUsage().maxRSS * 1024;
  return { messagesSent, wireBytesSent, framesSent, decodeErrors, peakRssBytes };
}

/** Puts what the ranks recorded so far into the spool. */
function store(group: RankGroup, spool: RunSpool): void {
  for (const rank of group.ranks) {
    const { timeline, record, numerics } = rank.snapshot();
    spool.storeTimeline(rank.rank, encodeTimeline(timeline));
    spool.storeRecord(rank.rank, encodeRecord(record));
    spool.addNumerics(numerics);
  }
  const ranks = group.ranks.map(({ rank }) => rank);
  const source = { worker: 0, pid: process.pid, host: 'localhost', ranks, offsetNs: 0 };
  spool.addHostEvents(source, encodeColumns(group.hostEvents));
}

/** Names the rank in the earliest operation, the first of several. */
function stallError(
  program: Program,
  current: ReadonlyMap<number, number>,
  ranks: readonly number[],
  seconds: number,
): NoProgressError {
  const at = ranks.map((rank) => current.get(rank) ?? -1);
  const earliest = at.reduce((least, id) => (shareOf(program, id) < shareOf(program, least) ? id : least));
  const where = whereText(program.operations[earliest]);
  return new NoProgressError(
    `no rank has moved for ${seconds} s; furthest behind is rank ${ranks[at.indexOf(earliest)]} ${where}; ` +
      'raise stallTimeoutSeconds if this computer is that slow',
  );
}
