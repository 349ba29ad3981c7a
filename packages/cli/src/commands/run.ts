import { runScenario } from '@epemu/cluster';
import type { ExternalWorkers, RunOutcome } from '@epemu/cluster';
import { environmentOverrides, locatedInFile, memoryOf, resolveConfiguration } from '@epemu/config';
import type { Configuration } from '@epemu/config';
import { BadInputError, deferred } from '@epemu/core';
import { outlineReport } from '@epemu/outputs';
import type { Command } from 'commander';
import { checkAll } from '../check/outcome.js';
import type { CheckOutcome } from '../check/outcome.js';
import { addCheckFlags, reportChecks, requirementsOf } from '../check/report-checks.js';
import type { Requirement } from '../check/requirement.js';
import { dryRunText, predict } from '../dry-run.js';
import { failureText } from '../failure-block.js';
import { abortOnSignals } from '../interrupt.js';
import { addRequireMemoryFlag, memoryWarning, printLargestBatch } from '../memory-flags.js';
import { addConfigurationFlags, configurationFlags, settingsOf } from '../options.js';
import { addRunMetricsFlags } from '../metrics-flags.js';
import { openObservers } from '../observers.js';
import type { RunObserver } from '../run-observer.js';
import { AFD, addAfdFlags, afdConfiguration, refuseAfdFlags, runAfdSweep } from '../afd.js';
import type { AfdFlags } from '../afd.js';
import { PIPELINE, addPipelineFlags, pipelineSources, refusePipelineFlags, runPipeline } from '../pipeline.js';
import type { PipelineFlags } from '../pipeline.js';
import { ProgressLine } from '../progress.js';
import type { RunFlags } from '../run-flags.js';
import { addServeFlags } from '../serve.js';
import { summaryText } from '../summary.js';

/** Adds `epemu run`. */
export function addRunCommand(program: Command): void {
  const command = program
    .command('run')
    .description('run a scenario with live ranks and write its traces and report')
    .argument(
      '[scenario]',
      'train, prefill, decode, a YAML/JSON file (a config.json repeats its run), pipeline, or afd',
      'decode',
    );
  addAfdFlags(
    addPipelineFlags(
      addCheckFlags(addRequireMemoryFlag(addServeFlags(addRunMetricsFlags(addConfigurationFlags(command))))),
    ),
  )
    .option('--max-batch', 'print the largest batch that fits into the memory of a GPU; start nothing')
    .option('--out <folder>', 'where outputs go (default runs/<time>-<scenario>-<id>)')
    .option('--force', 'write into a folder that is not empty')
    .option('--dry-run', 'print the resolved configuration and what the run would take; start nothing')
    .option('--json', 'print the report (or the prediction) as JSON')
    .addHelpText(
      'after',
      `
Configuration comes from defaults, then the file, then EPEMU_* variables, then flags; each is stronger than the one before.

Examples:
  epemu run                                      decode at its published size: 128 ranks in 16 processes
  epemu run train --ranks 16 --tokens-per-microbatch 512
  epemu run prefill --prompt-lengths 6000,2000,1000 --ranks 8
  epemu run decode --fabric memory --payload none --layers 61
  epemu run decode --metrics --prometheus-sd targets.json
  epemu run decode --hardware gb200-nvl72 --model kimi-k2 --ranks 64
  epemu run decode --model kimi-k2 --ranks 32 --require-memory   refused where it would not fit into a GPU
  epemu run decode --require 'exposed<=5%' --require 'tpot<=110ms'   exit code 5 where one does not hold
  epemu run decode --hardware h200 --max-batch   the largest batch that fits
  epemu run prefill --routing skewed             hot experts: Zipf's law, as unequal as DeepSeek-R1 was counted
  epemu run decode --routing skewed --set routingSkew.exponent=0.9 --set routingSkew.hotLayer=2
  epemu run decode --expert-loads examples/expert-loads.csv --layers 58
  epemu run train --set biasDeviation=0.03
  epemu run train --set hardware.ports.rdma.bandwidthGBps=25
  epemu run decode --serve                       a live page at http://127.0.0.1:7078/ while it runs, and after
  epemu run train --serve 0.0.0.0:8080 --serve-for 600
  epemu run train --layers 58 --pace 2 --serve   two rows of the schedule a second, to look at
  epemu run runs/…/config.json                   repeats a run: same digest
  epemu run pipeline --schedule zb1p --pp 2 --ep 4 --micro-batches 4   eight live ranks: two stages of an EP group each
  epemu run afd --attention 20 --ffn 4           attention and experts on different ranks
  epemu run afd --ratios 4,5,6,7,8 --ffn 4       which ratio of them gives most tokens a GPU
  epemu run pipeline --schedule dualpipe --pp 8 --micro-batches 20 --unit F=1,B=2,W=1,FB=3`,
    )
    .action(async (scenario: string, flags: RunFlags & PipelineFlags & AfdFlags) => {
      if (scenario === PIPELINE && flags.unit !== undefined) {
        runPipeline(command, process.stdout);
        return;
      }
      if (scenario !== PIPELINE) refusePipelineFlags(flags, scenario);
      if (scenario !== AFD) refuseAfdFlags(flags, scenario);
      if (scenario === AFD && flags.ratios !== undefined) {
        await runAfdSweep(flags, process.stdout);
        return;
      }
      try {
        await runOrPredict(configurationFrom(scenario, flags), flags);
      } catch (error) {
        throw locatedInFile(error, scenario, keysSetElsewhere(flags));
      }
    });
}

/** @returns the configuration that a scenario, the environment and flags resolve to. @throws BadInputError */
export function configurationFrom(scenario: string, flags: RunFlags): Configuration {
  if (scenario === AFD) return afdConfiguration(flags);
  const own = scenario === PIPELINE ? pipelineSources(flags) : { flags: {}, settings: [] };
  return resolveConfiguration({
    scenario,
    environment: process.env,
    flags: { ...own.flags, ...configurationFlags(flags) },
    settings: [...own.settings, ...settingsOf(flags)],
  });
}

/** Runs a configuration, prints what came out of it and sets the exit code. */
export async function execute(
  configuration: Configuration,
  flags: RunFlags,
  external?: ExternalWorkers,
): Promise<void> {
  const warning = memoryWarning(configuration, flags);
  const requirements = requirementsFor(configuration, flags);
  const controller = abortOnSignals();
  const observers = await openObservers(flags);
  const door = deferred<undefined>();
  const openUntil = door.promise;
  const workers = external === undefined ? undefined : { ...external, openUntil };
  try {
    const outcome = await runObserved(configuration, flags, workers, controller.signal, observers, warning);
    printOutcome(outcome, flags, requirements);
    const { signal } = controller;
    await Promise.all([outcome.workersGone?.(signal), ...observers.map((observer) => observer.linger?.(signal))]);
  } finally {
    door.resolve(undefined);
    for (const observer of observers) await observer.close();
  }
}

/** Runs a configuration, shows its progress, and tells those who look on. */
async function runObserved(
  configuration: Configuration,
  flags: RunFlags,
  external: ExternalWorkers | undefined,
  signal: AbortSignal,
  observers: readonly RunObserver[],
  warning: string | undefined,
): Promise<RunOutcome> {
  const progress = new ProgressLine(process.stderr);
  try {
    return await runScenario({
      configuration,
      signal,
      follow: observers.some(({ follow }) => follow),
      ...lingerOf(observers),
      onLocalRanks: (ranks) => {
        for (const { onLocalRanks } of observers) onLocalRanks?.(ranks);
      },
      onEvent: (event) => {
        // Not before: what is refused says nothing else.
        if (event.type === 'begun' && warning !== undefined) process.stderr.write(warning);
        for (const { onEvent } of observers) onEvent(event);
      },
      ...(flags.out === undefined ? {} : { out: flags.out }),
      ...(flags.force === undefined ? {} : { force: flags.force }),
      ...(external === undefined ? {} : { external }),
      onProgress: ({ stage, share, phase, layer, joinedSlots }) => {
        const slots = joinedSlots === undefined ? undefined : `${joinedSlots} of ${configuration.ranks} slots joined`;
        const detail = phase === undefined ? slots : `${phase}, layer ${layer}`;
        progress.show({ stage, share, ...(detail === undefined ? {} : { detail }) });
      },
    });
  } finally {
    progress.end();
  }
}

/** @returns how long workers stay for those who look at their metrics, if any do. */
function lingerOf(observers: readonly RunObserver[]): { readonly workerMetricsLingerSeconds?: number } {
  const seconds = observers.flatMap(({ workerMetricsLingerSeconds }) => workerMetricsLingerSeconds ?? []);
  return seconds.length === 0 ? {} : { workerMetricsLingerSeconds: Math.max(...seconds) };
}

/** @returns what a run's figures must be. @throws BadInputError where its report will have no such figure. */
function requirementsFor(configuration: Configuration, flags: RunFlags): readonly Requirement[] {
  const requirements = requirementsOf(flags);
  // A misspelt one is told before the run, not after.
  if (requirements.length > 0)
    checkAll({ name: 'the report', json: outlineReport(configuration), isOutline: true }, requirements);
  return requirements;
}

function printOutcome(outcome: RunOutcome, flags: RunFlags, requirements: readonly Requirement[]): void {
  const output = flags.json === true ? undefined : process.stdout;
  const checked = (): readonly CheckOutcome[] =>
    requirements.length === 0 || outcome.error !== undefined
      ? []
      : reportChecks({ name: outcome.folder, json: outcome.report }, requirements, flags, output);
  if (output === undefined) {
    const checks = checked();
    const json = {
      folder: outcome.folder,
      ...outcome.report,
      ...(checks.length === 0 ? {} : { requirements: checks }),
    };
    process.stdout.write(`${JSON.stringify(json, null, 1)}\n`);
  } else if (outcome.error === undefined) {
    output.write(summaryText(outcome, output));
    if (requirements.length > 0) output.write('\n');
    checked();
  }
  if (outcome.error !== undefined) {
    process.stderr.write(failureText(outcome));
    process.exitCode = outcome.error.exitCode;
  }
}

/** Keys of the configuration that the environment and the command line set. */
export function keysSetElsewhere(flags: RunFlags): ReadonlySet<string> {
  const settings = settingsOf(flags).map((setting) => setting.split(/[.=]/)[0]);
  return new Set([
    ...Object.keys(environmentOverrides(process.env)),
    ...Object.keys(configurationFlags(flags)),
    ...settings,
  ]);
}

async function runOrPredict(configuration: Configuration, flags: RunFlags): Promise<void> {
  if (flags.require !== undefined && (flags.maxBatch === true || flags.dryRun === true)) {
    const flag = flags.maxBatch === true ? '--max-batch' : '--dry-run';
    throw new BadInputError('--require', `--require is given with ${flag}, which runs nothing; give one of them`);
  }
  if (flags.maxBatch === true) {
    printLargestBatch(configuration, flags.json === true);
    return;
  }
  if (flags.dryRun !== true) {
    await execute(configuration, flags);
    return;
  }
  const prediction = predict(configuration);
  const warning = memoryWarning(configuration, flags);
  if (warning !== undefined) process.stderr.write(warning.replace('; it is run all the same', ''));
  const json = { configuration, prediction, memory: memoryOf(configuration) };
  process.stdout.write(
    flags.json === true ? `${JSON.stringify(json, null, 1)}\n` : dryRunText(configuration, prediction),
  );
}
