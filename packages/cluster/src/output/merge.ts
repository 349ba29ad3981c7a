import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { KernelRoles, RunRanks, analyseSet } from '@epemu/analysis';
import type { AnalysedSet } from '@epemu/analysis';
import type { Configuration } from '@epemu/config';
import type { Program } from '@epemu/schedule';
import { FigureAccumulator, PORT, RunDigest } from '@epemu/timeline';
import type { FigureReport, RankTimeline } from '@epemu/timeline';
import { MergedTraceWriter, writeHostTrace, writeRankTrace } from '@epemu/trace';
import type { RunDescription } from '@epemu/trace';
import { EPEMU_VERSION } from '../version.js';
import { rankFileName } from './folder.js';
import { writeOperationsFile } from './operations-file.js';
import type { RunSpool } from './spool.js';

/** What merging found out. */
export interface MergeResult {
  /** Null when ranks are missing or did not come to their end. */
  readonly digest: string | null;
  readonly figures: FigureReport | undefined;
  /** What an analysis of the ranks' traces finds; undefined where no rank recorded a kernel. */
  readonly analysed: AnalysedSet | undefined;
  readonly rdmaBytes: number;
  readonly nvlinkBytes: number;
  /** Over the merged trace and all rank files. */
  readonly traceEvents: number;
  readonly traceBytesUnpacked: number;
}

/** @returns what the traces say of the run they come from. */
export function describeRun(runId: string, configuration: Configuration): RunDescription {
  const { scenario, ranks, layers, hardware, model, schedule } = configuration;
  return {
    runId,
    scenario,
    ranks,
    layers,
    nodeSize: Math.min(hardware.nodeSize, ranks),
    epemuVersion: EPEMU_VERSION,
    deviceProperties: hardware.gpu.deviceProperties,
    gpuName: hardware.gpu.name,
    bytesPerElementDispatch: 1,
    hidden: model.hidden,
    topK: model.topK,
    computeSms: schedule.computeSms,
    communicationSms: schedule.communicationSms,
    kernelNames: configuration.kernelNames,
    // The hardware preset is a hundred times the rest; the trace names it and config.json holds it.
    configuration: { ...configuration, hardware: hardware.name, model: model.name, schedule: undefined },
  };
}

function bytesSent(timeline: RankTimeline): { rdma: number; nvlink: number } {
  const port = timeline.services.column('port');
  const bytes = timeline.services.column('bytes');
  let rdma = 0;
  let nvlink = 0;
  port.forEach((value, i) => {
    if (value === PORT.rdmaOut) rdma += bytes[i];
    else if (value === PORT.nvlinkOut) nvlink += bytes[i];
  });
  return { rdma, nvlink };
}

/**
 * Merges what the ranks handed over into the run's files; one rank in memory at a time.
 * @param begunNs when the run began on the coordinator's clock: time 0 of the host trace.
 * @param finished whether all ranks came to their end.
 * @param signal ends merging between ranks. @throws its reason, or what keeps the files from being written.
 */
export async function mergeRun(
  folder: string,
  runId: string,
  configuration: Configuration,
  program: Program,
  spool: RunSpool,
  begunNs: number,
  finished: boolean,
  signal: AbortSignal | undefined,
): Promise<MergeResult> {
  const run = describeRun(runId, configuration);
  const ranks = spool.ranks;
  // Ranks of a run that was ended early hand over what they have; a digest of that would say nothing.
  const complete = finished && ranks.length === configuration.ranks;
  const digest = new RunDigest(program);
  const roles = new KernelRoles();
  const runRanks = new RunRanks(run, program, roles);
  const figures = new FigureAccumulator(program, configuration.model.experts);
  const merged = MergedTraceWriter.open(join(folder, 'trace.json.gz'), run, program, { complete });
  let rdmaBytes = 0;
  let nvlinkBytes = 0;
  let withEvents = 0;
  let traceEvents = 0;
  let traceBytesUnpacked = 0;
  for (const rank of ranks) {
    // Signals come in turns of the event loop.
    await turn();
    signal?.throwIfAborted();
    const timeline = spool.timeline(rank);
    if (complete) digest.add(timeline, spool.operations(rank).expertHashes);
    if (timeline.events.count > 0) {
      figures.add(timeline);
      withEvents++;
    }
    runRanks.add(timeline);
    const sent = bytesSent(timeline);
    rdmaBytes += sent.rdma;
    nvlinkBytes += sent.nvlink;
    const path = join(folder, rankFileName(rank));
    const written = await writeRankTrace(path, run, program, timeline);
    traceEvents += written.events;
    traceBytesUnpacked += written.bytesUnpacked;
    await merged.addRank(timeline);
  }
  signal?.throwIfAborted();
  const statistics = await merged.close();
  const text = complete ? digest.finish() : null;
  await writeOperationsFile(
    join(folder, 'operations.bin.gz'),
    { configuration, program, digest: text ?? '' },
    recordsOf(spool, ranks, signal),
  );
  await writeHostTrace(join(folder, 'host-trace.json.gz'), run, spool.hostEvents(), { originNs: begunNs });
  const set = runRanks.set();
  return {
    digest: text,
    figures: withEvents > 0 ? figures.result() : undefined,
    analysed: set === undefined ? undefined : analyseSet(set, roles),
    rdmaBytes,
    nvlinkBytes,
    traceEvents: traceEvents + statistics.events,
    traceBytesUnpacked: traceBytesUnpacked + statistics.bytesUnpacked,
  };
}

function* recordsOf(spool: RunSpool, ranks: readonly number[], signal: AbortSignal | undefined): Generator<Uint8Array> {
  for (const rank of ranks) {
    signal?.throwIfAborted();
    yield spool.operationsBytes(rank);
  }
}
