import { rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Configuration } from '@epemu/config';
import { BadInputError, EpemuError, asEpemuError, counted, messageOf, writeWholeFile } from '@epemu/core';
import type { MemoryFabric } from '@epemu/fabric';
import type { Collector } from '@epemu/metrics';
import {
  FolderLock,
  RunSpool,
  buildReport,
  findingOf,
  linkTraffic,
  mergeRun,
  metricsText,
  newRunId,
  prepareFolder,
  removePartials,
  runLabels,
  runPage,
} from '@epemu/outputs';
import type { HostFigures, AnalysedRun, MergeResult, Report } from '@epemu/outputs';
import { reportPage } from '@epemu/pages';
import { buildProgram, programOf } from '@epemu/schedule';
import type { Program } from '@epemu/schedule';
import { pino } from 'pino';
import type { Logger } from 'pino';
import { runCluster } from './cluster-run.js';
import type { ExternalWorkers, WorkersGone } from './cluster-run.js';
import { hostNs } from './control/clock.js';
import type { Numerics, WorkerStatistics } from './control/messages.js';
import { runInThisProcess } from './local-run.js';
import { RankMetrics } from './metrics/rank-metrics.js';
import { ProgressTracker } from './progress-tracker.js';
import type { RunProgress } from './progress-tracker.js';
import type { RunEvent, RunListener } from './run-events.js';
import type { RankGroup } from './worker/rank-group.js';

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
  /** Told what happens in the run. */
  onEvent?: RunListener;
  /** Tell every operation's virtual times too, in `moved` events. @default false */
  readonly follow?: boolean;
  /**
   * Worker processes that the run starts serve their metrics, each on a free port of 127.0.0.1, and stay for at most
   * this long after the run until these have been scraped, s; see {@link RunOutcome.workersGone}.
   */
  readonly workerMetricsLingerSeconds?: number;
  /** Given what shows the ranks' metrics, where the ranks are in this process. */
  onLocalRanks?(ranks: Collector): void;
}

/** A run that has ended, well or not. */
export interface RunOutcome {
  readonly folder: string;
  readonly report: Report;
  /** What the report's page shows; undefined where no rank recorded a kernel. */
  readonly analysed?: AnalysedRun;
  readonly error?: EpemuError;
  /** Ranks of which everything that they recorded was handed over and stored. */
  readonly ranksHandedOver?: number;
  /** Outputs that could not be written. */
  readonly unwritten?: readonly string[];
  /** Where workers that serve metrics may be left: waits until they are gone. */
  readonly workersGone?: WorkersGone;
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
function checkFaults({ faults }: Configuration, program: Program, inMemory: boolean): void {
  if (faults.length > 0 && inMemory) {
    throw new BadInputError(
      'faults',
      `faults has ${faults.length} to inject, but fabric is memory, which has no worker processes to kill or stop; ` +
        'set fabric to websocket or remove faults',
    );
  }
  for (const { rank, operation } of faults) {
    const { length } = programOf(program, rank).operations;
    if (operation < length) continue;
    const allowed = `operations of rank ${rank} are 0 to ${length - 1}`;
    throw new BadInputError('faults', `faults names operation ${operation}, but ${allowed}`);
  }
}

const NOTHING_MERGED: MergeResult = {
  digest: null,
  figures: undefined,
  analysed: undefined,
  pipeline: undefined,
  linkBytes: [],
  traceEvents: 0,
  traceBytesUnpacked: 0,
};

const REPORT = 'report.json';
/** What a report says until the run has ended: the report of a run whose process was killed stays that one. */
const NOT_ENDED = 'the run has not ended: it goes on, or its process was killed';

const NO_ROOM: readonly unknown[] = ['ENOSPC', 'EDQUOT'];

/** @returns the error of a part of a run that failed: of a full disk with what to do. */
function explained(cause: unknown): EpemuError {
  const { code } = cause as NodeJS.ErrnoException;
  if (cause instanceof EpemuError || !NO_ROOM.includes(code)) return asEpemuError(cause);
  const message = `the outputs cannot be written: ${messageOf(cause)}; free space, or name another folder by --out`;
  return new EpemuError(message, undefined, { cause });
}

function reportText(report: Report): string {
  return `${JSON.stringify(report, null, 1)}\n`;
}

/** Events that a run's log has a line for. */
const LOGGED: ReadonlySet<RunEvent['type']> = new Set([
  'listening',
  'joined',
  'refused',
  'withdrawn',
  'placed',
  'started',
  'lost',
  'failed',
]);

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
  checkFaults(configuration, program, inMemory);
  const out = options.out ?? join('runs', runId);
  const lock = FolderLock.take(out);
  let spool: RunSpool | undefined;
  let folder: string | undefined;
  const leave = (): void => {
    spool?.remove();
    if (folder !== undefined) removePartials(folder);
    lock.release();
  };
  // A second Ctrl-C ends the process at once.
  process.once('exit', leave);
  try {
    folder = prepareFolder(out, options.force ?? false);
    writeWholeFile(join(folder, 'config.json'), `${JSON.stringify(configuration, null, 1)}\n`);
    spool = new RunSpool(folder);
    const log = openLog(folder, runId);
    return await new ScenarioRun({ ...options, begunNs, runId, program, inMemory, folder, spool, log }).run();
  } finally {
    process.off('exit', leave);
    leave();
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
  readonly #progress: ProgressTracker;
  #workers = 0;
  #joinedSlots = 0;
  #startedNs: number;
  #finished = false;
  #error: EpemuError | undefined;
  #workersGone: WorkersGone | undefined;

  constructor(options: StartedRun) {
    this.#options = options;
    this.#startedNs = options.begunNs;
    this.#progress = new ProgressTracker(options.program, options.configuration.ranks);
  }

  async run(): Promise<RunOutcome> {
    const { configuration, folder, log, runId, program, spool } = this.#options;
    const external = this.#options.external !== undefined;
    const { scenario, ranks, fabric } = configuration;
    // Whoever ends this process leaves a folder that says so.
    const unended = this.#report(NOTHING_MERGED, this.#hostFigures(NOTHING_MERGED, this.#options.begunNs), NOT_ENDED);
    await this.#attempt(async () => {
      writeWholeFile(join(folder, REPORT), reportText(unended));
      await Promise.resolve();
    });
    this.#options.onProgress?.({ stage: 'starting', share: 0 });
    log.info({ scenario, ranks, fabric }, 'run starts');
    this.#tell({ type: 'begun', runId, folder, configuration, program, external });
    if (this.#error === undefined) await this.#attempt(() => this.#emulate());
    const emulatedNs = hostNs();
    this.#options.onProgress?.({ stage: 'merging', share: 1 });
    this.#tell({ type: 'merging' });
    const merged = (await this.#attempt(() => this.#mergeAll())) ?? NOTHING_MERGED;
    const ranksHandedOver = spool.ranks.length;
    // Where the disk is full, this makes room for the report.
    spool.remove();
    // Measured once: whatever the run leaves says the same.
    const host = this.#hostFigures(merged, emulatedNs);
    const unwritten = await this.#write(merged, () => this.#report(merged, host));
    const report = this.#report(merged, host);
    log.info({ status: report.status, digest: report.digest, traceEvents: merged.traceEvents }, 'run ends');
    log.flush();
    this.#tell({ type: 'ended', folder, report });
    const { analysed } = merged;
    return {
      folder,
      report,
      ranksHandedOver,
      unwritten,
      ...(analysed === undefined ? {} : { analysed }),
      ...(this.#error === undefined ? {} : { error: this.#error }),
      ...(this.#workersGone === undefined ? {} : { workersGone: this.#workersGone }),
    };
  }

  /** Does a part of the run; the first part to fail says why the run failed. */
  async #attempt<T>(part: () => Promise<T>): Promise<T | undefined> {
    try {
      return await part();
    } catch (cause) {
      const error = explained(cause);
      this.#options.log.error({ error: error.message, stack: error.stack }, 'run failed');
      this.#error ??= error;
      return undefined;
    }
  }

  async #emulate(): Promise<void> {
    const { configuration, program, runId, spool, signal, external, inMemory, follow = false } = this.#options;
    const onEvent = (event: RunEvent): void => {
      this.#tell(event);
    };
    const common = { configuration, program, spool, signal, follow, onEvent };
    if (inMemory) {
      const onRanks = (group: RankGroup, fabric: MemoryFabric): void => {
        this.#options.onLocalRanks?.(new RankMetrics(group, fabric, configuration, program));
      };
      this.#statistics = [await runInThisProcess({ ...common, onRanks })];
    } else {
      const { workerMetricsLingerSeconds: seconds } = this.#options;
      const onEnd = (gone: WorkersGone): void => {
        this.#workersGone = gone;
      };
      const lingering = seconds === undefined || external !== undefined ? undefined : { seconds, onEnd };
      const result = await runCluster({ ...common, runId, external, lingering });
      this.#statistics = result.statistics;
      this.#startedNs = result.startedNs;
    }
    this.#finished = true;
    checkNumerics(spool.numerics);
  }

  /** Logs an event where it is worth a line, counts it, and passes it on. */
  #tell(event: RunEvent): void {
    const { log, onEvent } = this.#options;
    if (event.type === 'moved') {
      const progress = this.#progress.note(event.operations);
      if (progress !== undefined) this.#options.onProgress?.(progress);
    } else if (LOGGED.has(event.type)) {
      log.info(event, event.type);
    }
    if (event.type === 'joined') this.#noteSlots(event.slots);
    else if (event.type === 'withdrawn') this.#noteSlots(-event.slots);
    if (event.type === 'placed') this.#workers = event.workers.length;
    onEvent?.(event);
  }

  #noteSlots(more: number): void {
    this.#joinedSlots += more;
    this.#options.onProgress?.({ stage: 'starting', share: 0, joinedSlots: this.#joinedSlots });
  }

  /** @throws EpemuError when a run that came to its end has not all that it should. */
  async #mergeAll(): Promise<MergeResult> {
    const merged = await this.#merge();
    const { configuration, spool } = this.#options;
    if (!this.#finished || merged.digest !== null) return merged;
    const there = spool.ranks.length;
    const what = `the run has come to its end, but ${there} of ${counted(configuration.ranks, 'rank')} handed over`;
    this.#error ??= new EpemuError(`${what} what they recorded; run it again`);
    return merged;
  }

  /** Writes page, metrics and, last, the report, which then knows how that went. @returns what could not be written. */
  async #write(merged: MergeResult, report: () => Report): Promise<string[]> {
    const { configuration, folder, runId } = this.#options;
    const texts: readonly (readonly [string, (report: Report) => string | Promise<string>])[] = [
      ['metrics.prom', (of) => metricsText(of, runLabels(runId, configuration), configuration.hardware.nodeSize)],
      ['report.html', (of) => reportPage(runPage(of, configuration, merged.analysed))],
      [REPORT, reportText],
    ];
    const writeAll = async (): Promise<string[]> => {
      const unwritten: string[] = [];
      for (const [name, text] of texts) {
        const written = await this.#attempt(async () => {
          writeWholeFile(join(folder, name), await text(report()));
          return true;
        });
        if (written !== true) unwritten.push(name);
      }
      return unwritten;
    };
    if ((await writeAll()).length === 0) return [];
    // Those that were written before one could not be say that all went well; the report that was there at first does not.
    const unwritten = await writeAll();
    for (const name of unwritten) if (name !== REPORT) rmSync(join(folder, name), { force: true });
    return unwritten;
  }

  #merge(): Promise<MergeResult> {
    const { configuration, program, runId, folder, spool, begunNs, signal } = this.#options;
    // A run that was ended already still merges what there is; ending that too takes a second signal.
    const heeded = signal?.aborted === true ? undefined : signal;
    return mergeRun(folder, runId, configuration, program, spool, begunNs, this.#finished, heeded);
  }

  #hostFigures(merged: MergeResult, emulatedNs: number): HostFigures {
    const { begunNs, inMemory } = this.#options;
    const statistics = this.#statistics;
    const startedNs = this.#startedNs;
    const endNs = hostNs();
    const coordinatorPeakRssBytes = process.resourceUsage().maxRSS * 1024;
    return {
      wallSeconds: seconds(endNs - begunNs),
      startupSeconds: seconds(startedNs - begunNs),
      emulateSeconds: seconds(emulatedNs - startedNs),
      mergeSeconds: seconds(endNs - emulatedNs),
      messagesPerSecond: Math.round(this.#wireMessages / Math.max(1e-9, (emulatedNs - startedNs) / 1e9)),
      peakRssBytes: Math.max(coordinatorPeakRssBytes, ...statistics.map((worker) => worker.peakRssBytes)),
      coordinatorPeakRssBytes,
      wireFrames: statistics.reduce((sum, worker) => sum + worker.framesSent, 0),
      traceEvents: merged.traceEvents,
      traceBytesUnpacked: merged.traceBytesUnpacked,
      processes: inMemory ? 1 : this.#workers + 1,
    };
  }

  get #wireMessages(): number {
    return this.#statistics.reduce((sum, worker) => sum + worker.messagesSent, 0);
  }

  #report(merged: MergeResult, host: HostFigures, error = this.#error?.message): Report {
    const { configuration, program, spool } = this.#options;
    const analysis = merged.analysed?.analysed.analysis;
    return buildReport({
      configuration,
      digest: merged.digest,
      ...(error === undefined ? {} : { error }),
      figures: merged.figures,
      pipeline: merged.pipeline,
      traffic: {
        ...linkTraffic(configuration, merged.linkBytes),
        wireMessages: this.#wireMessages,
        wireBytes: this.#statistics.reduce((sum, worker) => sum + worker.wireBytesSent, 0),
      },
      numerics: spool.numerics,
      host,
      finding: analysis === undefined ? null : findingOf(configuration, program, analysis),
    });
  }
}
