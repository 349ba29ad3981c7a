import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { Analyser, RunFigures, runSet } from '@epemu/analysis';
import type { AnalysedRanks, FigureReport } from '@epemu/analysis';
import { launchCosts, parseTraceWindow, placedExperts, shownConfiguration, unequalParts } from '@epemu/config';
import type { Configuration } from '@epemu/config';
import { EPEMU_VERSION } from '@epemu/core';
import type { Program } from '@epemu/schedule';
import { RanksDrawing } from '@epemu/pages';
import { RunDigest, bytesByLink } from '@epemu/timeline';
import { MergedTraceWriter, RunTrace, TraceCut, statementOf, writeHostTrace, writeRankTrace } from '@epemu/trace';
import type { RunDescription, TraceStatistics } from '@epemu/trace';
import { boundGarbage } from './bound-garbage.js';
import { rankFileName } from './folder.js';
import { PipelineFigures } from './pipeline-figures.js';
import type { PipelineReport } from './pipeline-figures.js';
import { writeOperationsFile } from './operations-file.js';
import { RowsWithoutEplb } from './rows-without-eplb.js';
import type { RunSpool } from './spool.js';

/** What an analysis of a run's ranks finds, and what pages draw of them. */
export interface AnalysedRun {
  readonly analysed: AnalysedRanks;
  readonly drawing: RanksDrawing;
}

/** What merging found out. */
export interface MergeResult {
  /** Null when ranks are missing or did not come to their end. */
  readonly digest: string | null;
  readonly figures: FigureReport | undefined;
  /** Undefined where no rank recorded a kernel. */
  readonly analysed: AnalysedRun | undefined;
  /** Undefined of a run that is no pipeline, or not complete. */
  readonly pipeline: PipelineReport | undefined;
  /** Modelled bytes by link of the program. */
  readonly linkBytes: readonly number[];
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
    host: launchCosts(configuration),
    kernelNames: configuration.kernelNames,
    tracks: configuration.tracks === 'on',
    statement: statementOf(configuration),
    unequal: unequalParts(configuration),
    // The hardware preset is a hundred times the rest; the trace names it and config.json holds it.
    configuration: {
      ...shownConfiguration(configuration),
      hardware: hardware.name,
      model: model.name,
      schedule: undefined,
    },
  };
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
  boundGarbage();
  const run = describeRun(runId, configuration);
  const ranks = spool.ranks;
  // Ranks of a run that was ended early hand over what they have; a digest of that would say nothing.
  const complete = finished && ranks.length === configuration.ranks;
  const digest = new RunDigest(program);
  const trace = new RunTrace(run, program);
  const { facts } = trace;
  const { hardware } = configuration;
  const shape = {
    facts,
    ranks: configuration.ranks,
    experts: placedExperts(configuration),
    nodeSize: hardware.nodeSize,
  };
  const figures = new RunFigures(shape);
  const unplaced = configuration.eplb === true ? new RowsWithoutEplb(configuration) : undefined;
  const pipeline = PipelineFigures.of(configuration, program);
  const analyser = new Analyser(runSet(run, facts));
  const drawing = new RanksDrawing();
  const cut = cutOf(configuration, spool);
  const merged = MergedTraceWriter.open(join(folder, 'trace.json.gz'), trace, { complete, cut });
  let statistics: TraceStatistics;
  const linkBytes = program.links.map(() => 0);
  let traceEvents = 0;
  let traceBytesUnpacked = 0;
  try {
    for (const rank of ranks) {
      // Signals come in turns of the event loop.
      await turn();
      signal?.throwIfAborted();
      const timeline = spool.timeline(rank);
      if (complete) digest.add(timeline, spool.expertHashes(rank));
      unplaced?.add(rank, spool.expertHashes(rank));
      const view = trace.view(timeline);
      if (timeline.events.count > 0) {
        // What ranks did is looked at once; report, page and traces read the same view of it.
        const ofRank = figures.add(timeline, view);
        analyser.add(ofRank);
        drawing.add(ofRank);
        pipeline?.add(view.content.kernels);
      }
      bytesByLink(timeline.services, program).forEach((bytes, link) => {
        linkBytes[link] += bytes;
      });
      const path = join(folder, rankFileName(rank));
      const written = await writeRankTrace(path, trace, timeline, view);
      traceEvents += written.events;
      traceBytesUnpacked += written.bytesUnpacked;
      await merged.addRank(timeline, view);
    }
    signal?.throwIfAborted();
    statistics = await merged.close();
  } catch (error) {
    await merged.discard();
    throw error;
  }
  const text = complete ? digest.finish() : null;
  await writeOperationsFile(
    join(folder, 'operations.bin.gz'),
    { configuration, program, digest: text ?? '' },
    recordsOf(spool, ranks, signal),
  );
  await writeHostTrace(join(folder, 'host-trace.json.gz'), run, spool.hostEvents(), { originNs: begunNs });
  const { layerMarker } = program;
  return {
    digest: text,
    figures: figures.ranks > 0 ? withImbalanceBefore(figures.result(), unplaced) : undefined,
    analysed: figures.ranks > 0 ? { analysed: analyser.result(figures.summary, layerMarker), drawing } : undefined,
    pipeline: complete ? pipeline?.result() : undefined,
    linkBytes,
    traceEvents: traceEvents + statistics.events,
    traceBytesUnpacked: traceBytesUnpacked + statistics.bytesUnpacked,
  };
}

/** @returns what of a run its merged trace is to hold. */
function cutOf(configuration: Configuration, spool: RunSpool): TraceCut {
  const { traceWindow } = configuration;
  const cut = new TraceCut(traceWindow === undefined ? undefined : parseTraceWindow(traceWindow, configuration));
  if (cut.isTimed) for (const rank of spool.ranks) cut.note(spool.timeline(rank));
  return cut;
}

/** Puts beside each layer's imbalance what it would be without EPLB. */
function withImbalanceBefore(figures: FigureReport, unplaced: RowsWithoutEplb | undefined): FigureReport {
  if (unplaced === undefined) return figures;
  const before = unplaced.imbalance();
  const imbalance = figures.imbalance.map((after) => ({ ...after, withoutEplb: before.get(after.layer)! }));
  return { ...figures, imbalance };
}

function* recordsOf(spool: RunSpool, ranks: readonly number[], signal: AbortSignal | undefined): Generator<Uint8Array> {
  for (const rank of ranks) {
    signal?.throwIfAborted();
    yield spool.recordBytes(rank);
  }
}
