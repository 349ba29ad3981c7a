import { existsSync, mkdirSync, statSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { locatedInFile, resolveConfiguration } from '@epemu/config';
import type { Configuration } from '@epemu/config';
import { BadInputError, messageOf } from '@epemu/core';
import { PointPool, advise } from '@epemu/experiments';
import type { Advice, AdviceReport } from '@epemu/experiments';
import type { Command } from 'commander';
import { adviceSentence, adviceText } from '../advice-text.js';
import { addConfigurationFlags, configurationWords, shellWord } from '../options.js';
import { ProgressLine } from '../progress.js';
import type { RunFlags } from '../run-flags.js';
import { wholeNumber } from '../whole-number.js';
import { configurationFrom, keysSetElsewhere } from './run.js';

interface AdviseFlags extends RunFlags {
  readonly jobs?: string;
  readonly save?: string;
}

const CONFIGURATION_FILE = 'config.json';

/** @returns the scenario that an argument names: of a run's folder its configuration. @throws BadInputError */
export function scenarioOfRun(run: string): string {
  if (statSync(run, { throwIfNoEntry: false })?.isDirectory() !== true) return run;
  const path = join(run, CONFIGURATION_FILE);
  if (existsSync(path)) return path;
  throw new BadInputError(run, `${run} has no ${CONFIGURATION_FILE}; name a run's folder, a scenario or its file`);
}

/** @returns how many threads emulate at a time. @throws BadInputError */
export function jobsOf(text: string | undefined): number {
  return text === undefined ? availableParallelism() : wholeNumber('--jobs', text, 1, 1024);
}

/** @returns a scenario's configuration, as points of it are emulated. @throws BadInputError */
export function pointConfiguration(scenario: string, flags: RunFlags): Configuration {
  try {
    return configurationFrom(scenario, { ...flags, fabric: 'memory', payload: 'none', threads: '1' });
  } catch (error) {
    throw locatedInFile(error, scenario, keysSetElsewhere(flags));
  }
}

/** @returns a word that a file may be named by. */
function wordOf(what: string): string {
  return what
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-|-$/g, '');
}

/** Writes the configuration of each advice. @returns the file of each. @throws BadInputError */
function save(folder: string, configuration: Configuration, report: AdviceReport): Map<Advice, string> {
  const all = [...(report.together === null ? [] : [report.together]), ...report.tries, ...report.batches];
  try {
    mkdirSync(folder, { recursive: true });
    return new Map(
      all.map((advice) => {
        const path = join(folder, `${wordOf(advice.what)}.json`);
        const made = resolveConfiguration({ scenario: { ...configuration }, settings: advice.settings });
        writeFileSync(path, `${JSON.stringify(made, null, 1)}\n`);
        return [advice, path];
      }),
    );
  } catch (cause) {
    const problem = `--save ${folder} cannot be written (${messageOf(cause)})`;
    throw new BadInputError('--save', `${problem}; name a folder that can be`, { cause });
  }
}

/** Adds `epemu advise`. */
export function addAdviseCommand(program: Command): void {
  const command = program
    .command('advise')
    .description('emulate what you can change of a run, one thing at a time, and rank what helps')
    .argument('<run>', "a run's folder, or a scenario as run takes it");
  addConfigurationFlags(command)
    .option('--jobs <n>', 'how many are emulated at a time (default: as many as this machine has cores)')
    .option('--save <folder>', 'write a configuration for each that helps, to run it')
    .option('--json', 'print everything as JSON')
    .addHelpText(
      'after',
      `
Tried are the batch, overlap, the split of the SMs, the order in which phases are launched, even routing and ranks, then
hardware: some 25 emulations of the run without payload. What does not make it faster is not advised. docs/advice.md

Examples:
  epemu advise runs/20260102-030405-decode-a1b2c3
  epemu advise prefill --hardware h200 --save better
  epemu advise decode --ranks 32 --json | jq '.tries[] | {what, savedPct}'`,
    )
    .action(async (run: string, flags: AdviseFlags) => {
      const scenario = scenarioOfRun(run);
      const configuration = pointConfiguration(scenario, flags);
      const pool = new PointPool(jobsOf(flags.jobs));
      const progress = new ProgressLine(process.stderr);
      let report: AdviceReport;
      try {
        let done = 0;
        const each = (point: Configuration): ReturnType<PointPool['emulate']> => pool.emulate(point);
        report = await advise(configuration, each, ({ what }, open) => {
          done++;
          progress.show({ stage: 'emulating', detail: what, share: done / (done + open) });
        });
      } finally {
        progress.end();
        await pool.close();
      }
      const savedAs = flags.save === undefined ? new Map<Advice, string>() : save(flags.save, configuration, report);
      process.stdout.write(
        flags.json === true
          ? `${JSON.stringify({ ...report, sentence: adviceSentence(report) }, null, 1)}\n`
          : adviceText(report, [shellWord(scenario), ...configurationWords(flags)].join(' '), savedAs),
      );
    });
}
