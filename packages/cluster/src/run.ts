import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Configuration } from '@epemu/config';
import { EXIT_CODE, EpemuError, messageOf } from '@epemu/core';
import { buildProgram } from '@epemu/schedule';
import { pino } from 'pino';
import { runCluster } from './cluster-run.js';
import type { ExternalWorkers } from './cluster-run.js';
import { hostNs } from './control/clock.js';
import type { Numerics, WorkerStatistics } from './control/messages.js';
import { runInMemory } from './local-run.js';
import { findingOf } from './output/finding.js';
import { newRunId, prepareFolder } from './output/folder.js';
import { mergeRun } from './output/merge.js';
import { metricsText } from './output/metrics.js';
import { buildReport } from './output/report.js';
import type { Report } from './output/report.js';
import { RunSpool } from './output/spool.js';

/** How far a run is. */
export interface RunProgress {
  readonly stage: 'starting' | 'running' | 'merging';
  readonly phase?: string;
  readonly layer?: number;
  /** Share of the program's operations that the slowest rank has started, 0 to 1. */
  readonly share: number;
}

/** Options of {@link runScenario}. */
export interface RunOptions {
  readonly configuration: Configuration;
  /** @default `runs/<time>-<scenario>-<id>` */
  readonly out?: string;
  /** Allow an output folder that holds something. */
  readonly force?: boolean;
  /** Ends the run; its reason is the error that the run ends with. */
  readonly signal?: AbortSignal;
  readonly external?: ExternalWorkers;
  onProgress?(progress: RunProgress): void;
}

/** A run that has ended, well or not. */
export interface RunOutcome {
  readonly folder: string;
  readonly report: Report;
  readonly error?: EpemuError;
}

/** Thrown (kept in the outcome) when the real tokens did not come back as the reference says. */
export class NumericsError extends EpemuError {}

function checkNumerics(numerics: Numerics): void {
  const { missing, duplicated, wrong, maxRelativeError } = numerics;
  if (missing + duplicated + wrong === 0) return;
  throw new NumericsError(
    `numerics failed: ${missing} tokens missing rows, ${duplicated} with rows twice, ${wrong} off the reference ` +
      `(largest relative error ${maxRelativeError.toExponential(2)}, allowed 1e-4)`,
  );
}

/**
 * Runs a scenario and writes all its outputs.
 * @returns the outcome; a run that failed after it started is an outcome with an error, its partial outputs kept.
 * @throws BadInputError before anything starts: a cycle in the schedule, an output folder that cannot be used.
 */
export async function runScenario(options: RunOptions): Promise<RunOutcome> {
  const { configuration, signal, external } = options;
  const tellProgress = (progress: RunProgress): void => {
    options.onProgress?.(progress);
  };
  const begunNs = hostNs();
  const runId = newRunId(configuration.scenario, new Date());
  const program = buildProgram(configuration);
  const folder = prepareFolder(options.out ?? join('runs', runId), options.force ?? false);
  writeFileSync(join(folder, 'config.json'), `${JSON.stringify(configuration, null, 1)}\n`);
  const log = pino({ base: { runId } }, pino.destination({ dest: join(folder, 'run.log'), sync: true }));
  const spool = new RunSpool(folder);
  const total = program.operations.length;
  tellProgress({ stage: 'starting', share: 0 });
  log.info(
    { scenario: configuration.scenario, ranks: configuration.ranks, fabric: configuration.fabric },
    'run starts',
  );

  let statistics: readonly WorkerStatistics[] = [];
  let startedNs = begunNs;
  let finished = false;
  let error: EpemuError | undefined;
  const tell = (operation: number): void => {
    const { phase, layer } = program.operations[operation] ?? { phase: '', layer: 0 };
    tellProgress({ stage: 'running', phase, layer, share: (operation + 1) / total });
  };
  try {
    if (configuration.fabric === 'memory' && external === undefined) {
      statistics = [
        await runInMemory(configuration, program, spool, signal, ({ id }) => {
          tell(id);
        }),
      ];
    } else {
      const result = await runCluster({
        configuration,
        program,
        runId,
        spool,
        signal,
        external,
        onEvent: (event) => {
          if (event.type === 'progress') tell(event.operation);
          else log.info(event, event.type);
        },
      });
      ({ statistics, startedNs } = result);
    }
    finished = true;
    checkNumerics(spool.numerics);
  } catch (cause) {
    error = cause instanceof EpemuError ? cause : new EpemuError(messageOf(cause), EXIT_CODE.failure, { cause });
    log.error({ error: error.message, stack: error.stack }, 'run failed');
  }
  const emulatedNs = hostNs();
  tellProgress({ stage: 'merging', share: 1 });
  const merged = await mergeRun(folder, runId, configuration, program, spool, begunNs, finished);
  const endNs = hostNs();
  const seconds = (ns: number): number => Number((ns / 1e9).toFixed(3));
  const wireMessages = statistics.reduce((sum, worker) => sum + worker.messagesSent, 0);
  const coordinatorPeakRssBytes = process.resourceUsage().maxRSS * 1024;
  const report = buildReport({
    configuration,
    digest: merged.digest,
    ...(error === undefined ? {} : { error: error.message }),
    figures: merged.figures,
    traffic: {
      rdmaBytes: merged.rdmaBytes,
      nvlinkBytes: merged.nvlinkBytes,
      wireMessages,
      wireBytes: statistics.reduce((sum, worker) => sum + worker.wireBytesSent, 0),
    },
    numerics: spool.numerics,
    host: {
      wallSeconds: seconds(endNs - begunNs),
      startupSeconds: seconds(startedNs - begunNs),
      emulateSeconds: seconds(emulatedNs - startedNs),
      mergeSeconds: seconds(endNs - emulatedNs),
      messagesPerSecond: Math.round(wireMessages / Math.max(1e-9, (emulatedNs - startedNs) / 1e9)),
      peakRssBytes: Math.max(coordinatorPeakRssBytes, ...statistics.map((worker) => worker.peakRssBytes)),
      coordinatorPeakRssBytes,
      wireFrames: statistics.reduce((sum, worker) => sum + worker.framesSent, 0),
      traceEvents: merged.traceEvents,
      traceBytesUnpacked: merged.traceBytesUnpacked,
      processes: statistics.length + (configuration.fabric === 'memory' ? 0 : 1),
    },
    finding: merged.figures === undefined ? null : findingOf(configuration, merged.figures),
  });
  writeFileSync(join(folder, 'report.json'), `${JSON.stringify(report, null, 1)}\n`);
  writeFileSync(join(folder, 'metrics.prom'), await metricsText(report));
  spool.remove();
  log.info({ status: report.status, digest: report.digest, traceEvents: merged.traceEvents }, 'run ends');
  log.flush();
  return { folder, report, ...(error === undefined ? {} : { error }) };
}
