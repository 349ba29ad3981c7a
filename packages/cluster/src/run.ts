import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { AnalysedSet } from '@epemu/analysis';
import type { Configuration } from '@epemu/config';
import { BadInputError, EXIT_CODE, EpemuError, messageOf } from '@epemu/core';
import { reportPage } from '@epemu/pages';
import { buildProgram } from '@epemu/schedule';
import type { Program } from '@epemu/schedule';
import { pino } from 'pino';
import type { Logger } from 'pino';
import { runCluster } from './cluster-run.js';
import type { ExternalWorkers } from './cluster-run.js';
import type { CoordinatorEvent } from './coordinator/coordinator.js';
import { hostNs } from './control/clock.js';
import type { Numerics, WorkerStatistics } from './control/messages.js';
import { runInMemory } from './local-run.js';
import { findingOf } from './output/finding.js';
import { newRunId, prepareFolder } from './output/folder.js';
import { mergeRun } from './output/merge.js';
import type { MergeResult } from './output/merge.js';
import { metricsText } from './output/metrics.js';
import { runPage } from './output/run-page.js';
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
  /** What the report's page shows; undefined where no rank recorded a kernel. */
  readonly analysed?: AnalysedSet;
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

/** @throws BadInputError naming what cannot happen: a fault without a process to hit, or past the last operation. */
function checkFaults({ faults }: Configuration, operations: number, inMemory: boolean): void {
  if (faults.length > 0 && inMemory) {
    throw new BadInputError(
      'faults',
      `faults has ${faults.length} to inject, but fabric is memory, which has no worker processes to kill or stop; ` +
        'set fabric to websocket or remove faults',
    );
  }
  const beyond = faults.find(({ operation }) => operation >= operations);
  if (beyond === undefined) return;
  throw new BadInputError(
    'faults',
    `faults names operation ${beyond.operation}, but operations are 0 to ${operations - 1}`,
  );
}

const NOTHING_MERGED: MergeResult = {
  digest: null,
  figures: undefined,
  analysed: undefined,
  rdmaBytes: 0,
  nvlinkBytes: 0,
  traceEvents: 0,
  traceBytesUnpacked: 0,
};

const seconds = (ns: number): number => Number((ns / 1e9).toFixed(3));

/** A run's log; a full disk must not end the run through its log. */
function openLog(folder: string, runId: string): Logger {
  const destination = pino.destination({ dest: join(folder, 'run.log'), sync: true });
  destination.on('error', () => undefined);
  return pino({ base: { runId } }, destination);
}

/**
 * Runs a scenario and writes all its outputs.
 * @returns the outcome; a run that failed after it started is an outcome with an error, its partial outputs kept.
 * @throws BadInputError before anything starts: a cycle in the schedule, faults that cannot happen, an output folder
 * that cannot be used.
 */
export async function runScenario(options: RunOptions): Promise<RunOutcome> {
  const { configuration, external } = options;
  const begunNs = hostNs();
  const runId = newRunId(configuration.scenario, new Date());
  const program = buildProgram(configuration);
  const inMemory = configuration.fabric === 'memory' && external === undefined;
  checkFaults(configuration, program.operations.length, inMemory);
  const folder = prepareFolder(options.out ?? join('runs', runId), options.force ?? false);
  writeFileSync(join(folder, 'config.json'), `${JSON.stringify(configuration, null, 1)}\n`);
  const spool = new RunSpool(folder);
  const removeSpool = (): void => {
    spool.remove();
  };
  // A second Ctrl-C ends the process at once.
  process.once('exit', removeSpool);
  try {
    const log = openLog(folder, runId);
    return await new ScenarioRun({ ...options, begunNs, runId, program, inMemory, folder, spool, log }).run();
  } finally {
    process.off('exit', removeSpool);
    removeSpool();
  }
}

interface StartedRun extends RunOptions {
  readonly begunNs: number;
  readonly runId: string;
  readonly program: Program;
  readonly inMemory: boolean;
  readonly folder: string;
  readonly spool: RunSpool;
  readonly log: Logger;
}

/** A run whose folder is ready. */
class ScenarioRun {
  readonly #options: StartedRun;
  #statistics: readonly WorkerStatistics[] = [];
  #workers = 0;
  #startedNs: number;
  #finished = false;
  #error: EpemuError | undefined;

  constructor(options: StartedRun) {
    this.#options = options;
    this.#startedNs = options.begunNs;
  }

  async run(): Promise<RunOutcome> {
    const { configuration, folder, log } = this.#options;
    const { scenario, ranks, fabric } = configuration;
    this.#options.onProgress?.({ stage: 'starting', share: 0 });
    log.info({ scenario, ranks, fabric }, 'run starts');
    await this.#attempt(() => this.#emulate());
    const emulatedNs = hostNs();
    this.#options.onProgress?.({ stage: 'merging', share: 1 });
    const merged = (await this.#attempt(() => this.#merge())) ?? NOTHING_MERGED;
    let report = this.#report(merged, emulatedNs);
    await this.#attempt(async () => {
      await writeReport(folder, report, configuration, merged.analysed);
    });
    if (this.#error !== undefined && report.status === 'ok') {
      report = { ...report, status: 'failed', error: this.#error.message };
    }
    log.info({ status: report.status, digest: report.digest, traceEvents: merged.traceEvents }, 'run ends');
    log.flush();
    const { analysed } = merged;
    const found = analysed === undefined ? {} : { analysed };
    return { folder, report, ...found, ...(this.#error === undefined ? {} : { error: this.#error }) };
  }

  /** Does a part of the run; the first part to fail says why the run failed. */
  async #attempt<T>(part: () => Promise<T>): Promise<T | undefined> {
    try {
      return await part();
    } catch (cause) {
      const error =
        cause instanceof EpemuError ? cause : new EpemuError(messageOf(cause), EXIT_CODE.failure, { cause });
      this.#options.log.error({ error: error.message, stack: error.stack }, 'run failed');
      this.#error ??= error;
      return undefined;
    }
  }

  async #emulate(): Promise<void> {
    const { configuration, program, runId, spool, signal, external, inMemory, log } = this.#options;
    const tell = (operation: number): void => {
      const { phase, layer } = program.operations[operation] ?? { phase: '', layer: 0 };
      const share = (operation + 1) / program.operations.length;
      this.#options.onProgress?.({ stage: 'running', phase, layer, share });
    };
    if (inMemory) {
      this.#statistics = [await runInMemory({ configuration, program, spool, signal, onProgress: tell })];
    } else {
      const onEvent = (event: CoordinatorEvent): void => {
        if (event.type === 'progress') {
          tell(event.operation);
          return;
        }
        if (event.type === 'placed') this.#workers = event.workers;
        log.info(event, event.type);
      };
      const result = await runCluster({ configuration, program, runId, spool, signal, external, onEvent });
      this.#statistics = result.statistics;
      this.#startedNs = result.startedNs;
    }
    this.#finished = true;
    checkNumerics(spool.numerics);
  }

  #merge(): Promise<MergeResult> {
    const { configuration, program, runId, folder, spool, begunNs, signal } = this.#options;
    // A run that was ended already still merges what there is; ending that too takes a second signal.
    const heeded = signal?.aborted === true ? undefined : signal;
    return mergeRun(folder, runId, configuration, program, spool, begunNs, this.#finished, heeded);
  }

  #report(merged: MergeResult, emulatedNs: number): Report {
    const { configuration, spool, begunNs, inMemory } = this.#options;
    const answers = merged.analysed?.analysis.criticalPath?.answers ?? [];
    const freePct = answers.find(({ id }) => id === 'free-communication')?.savedPct;
    const statistics = this.#statistics;
    const startedNs = this.#startedNs;
    const endNs = hostNs();
    const wireMessages = statistics.reduce((sum, worker) => sum + worker.messagesSent, 0);
    const coordinatorPeakRssBytes = process.resourceUsage().maxRSS * 1024;
    return buildReport({
      configuration,
      digest: merged.digest,
      ...(this.#error === undefined ? {} : { error: this.#error.message }),
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
        processes: inMemory ? 1 : this.#workers + 1,
      },
      finding: merged.figures === undefined ? null : findingOf(configuration, merged.figures, freePct),
    });
  }
}

/** Writes the report in all its forms; each even when another cannot be written. */
async function writeReport(
  folder: string,
  report: Report,
  configuration: Configuration,
  analysed: AnalysedSet | undefined,
): Promise<void> {
  try {
    writeFileSync(join(folder, 'report.json'), `${JSON.stringify(report, null, 1)}\n`);
  } finally {
    try {
      writeFileSync(join(folder, 'metrics.prom'), await metricsText(report));
    } finally {
      writeFileSync(join(folder, 'report.html'), reportPage(runPage(report, configuration, analysed)));
    }
  }
}
