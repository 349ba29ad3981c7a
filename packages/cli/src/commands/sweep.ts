import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Configuration } from '@epemu/config';
import { BadInputError, counted, makeFolder, messageOf, writeWholeFile } from '@epemu/core';
import { PointPool, PointStore, Sweep, pointsOf, search } from '@epemu/experiments';
import type { PointRow, PointValues } from '@epemu/experiments';
import type { Command } from 'commander';
import { abortOnSignals } from '../interrupt.js';
import { addConfigurationFlags, settingsOf } from '../options.js';
import { ProgressLine } from '../progress.js';
import type { RunFlags } from '../run-flags.js';
import { readySweeps, sweepDefinition } from '../sweep/definition.js';
import type { SweepDefinition, SweepFlags } from '../sweep/definition.js';
import { Judge } from '../sweep/judge.js';
import type { JudgedSweep } from '../sweep/judge.js';
import { sweepPage } from '../sweep/sweep-page.js';
import { sweepCsv, sweepJson, sweepText } from '../sweep/sweep-text.js';
import { wholeNumber } from '../whole-number.js';
import { jobsOf, pointConfiguration, scenarioOfRun } from './advise.js';

interface SweepCommandFlags extends RunFlags, SweepFlags {
  readonly jobs?: string;
  readonly most?: string;
}

/** Points that a search asks for, unless told. */
const MOST_SEARCHED = 40;
/** Points of which one must be possible, else nothing is emulated: a misspelt key makes all of them impossible. */
const FIRST_POINTS = 32;
/** Points among which a search looks. */
const MOST_PLACES = 1_000_000;
const COMMUNICATION_SMS = 'schedule.communicationSms';
const COMPUTE_SMS = 'schedule.computeSms';

function collect(value: string, before: string[] | undefined): string[] {
  return [...(before ?? []), value];
}

/**
 * @returns how the settings of a point become its configuration. A resolved configuration has computation's SMs as a
 * number: where they are the rest of the GPU, they stay that.
 */
function configurations(definition: SweepDefinition, flags: RunFlags): (settings: readonly string[]) => Configuration {
  const scenario = scenarioOfRun(definition.scenario);
  const base = [...definition.settings, ...settingsOf(flags)];
  const resolved = (settings: readonly string[]): Configuration => {
    return pointConfiguration(scenario, { ...flags, set: settings });
  };
  return (settings) => {
    const all = [...base, ...settings];
    const made = resolved(all);
    const sms = all.some((setting) => setting.startsWith(`${COMMUNICATION_SMS}=`));
    if (!sms || all.some((setting) => setting.startsWith(`${COMPUTE_SMS}=`))) return made;
    const { schedule, hardware } = resolved(all.filter((setting) => !setting.startsWith(`${COMMUNICATION_SMS}=`)));
    if (schedule.computeSms + schedule.communicationSms !== hardware.gpu.sms) return made;
    return resolved([...all, `${COMPUTE_SMS}=${hardware.gpu.sms - made.schedule.communicationSms}`]);
  };
}

/** @returns the file of points in an output folder, which may have some of before. @throws BadInputError */
function pointsFile(out: string | undefined): string | undefined {
  if (out === undefined) return undefined;
  try {
    makeFolder(out);
  } catch (cause) {
    throw new BadInputError('--out', `--out ${out} cannot be made (${messageOf(cause)}); name another folder`, {
      cause,
    });
  }
  return join(out, 'points.jsonl');
}

/** @returns the configuration of the first point that can be. @throws BadInputError where none of the first few can. */
function firstOf(
  points: readonly PointValues[],
  { axes }: SweepDefinition,
  configurationOf: (settings: readonly string[]) => Configuration,
): Configuration {
  let refused: unknown;
  for (const values of points.slice(0, FIRST_POINTS)) {
    try {
      return configurationOf(axes.map(({ key }, index) => `${key}=${values[index]}`));
    } catch (error) {
      refused ??= error;
    }
  }
  throw refused;
}

/** Emulates what a definition asks for: all points, or those that a search looks at, in the order of the axes. */
async function emulateAll(
  definition: SweepDefinition,
  flags: SweepCommandFlags,
  isSearch: boolean,
  most: number,
): Promise<JudgedSweep> {
  const points = pointsOf(definition.axes, isSearch ? MOST_PLACES : undefined);
  const judge = new Judge(definition);
  const configurationOf = configurations(definition, flags);
  const made = firstOf(points, definition, configurationOf);
  judge.check(made);
  const store = new PointStore(pointsFile(flags.out));
  const pool = new PointPool(jobsOf(flags.jobs));
  const progress = new ProgressLine(process.stderr);
  const { signal } = abortOnSignals();
  const known = store.count;
  if (known > 0)
    process.stderr.write(`${counted(known, 'point')} of before in ${String(flags.out)}, not emulated again\n`);
  const expected = isSearch ? Math.min(most, points.length) : points.length;
  const rows = new Map<string, PointRow>();
  const sweep = new Sweep({
    axes: definition.axes,
    configurationOf,
    pool,
    store,
    onPoint: (row) => {
      rows.set(JSON.stringify(row.values), row);
      const detail = `${rows.size} of ${isSearch ? 'at most ' : ''}${expected}`;
      progress.show({ stage: isSearch ? 'searching' : 'sweeping', detail, share: Math.min(1, rows.size / expected) });
    },
  });
  const all = async (asked: readonly PointValues[]): Promise<readonly PointRow[]> => {
    signal.throwIfAborted();
    return await Promise.race([
      sweep.points(asked),
      new Promise<never>((_, reject) => {
        signal.addEventListener('abort', () => {
          reject(signal.reason as Error);
        });
      }),
    ]);
  };
  try {
    if (isSearch) {
      await search(
        definition.axes,
        async (asked) => (await all(asked)).map((row) => judge.score(judge.judge(row))),
        most,
      );
    } else {
      await all(points);
    }
  } finally {
    progress.end();
    await pool.close();
  }
  const ordered = points.flatMap((values) => rows.get(JSON.stringify(values)) ?? []);
  return judge.judgeAll(definition, ordered);
}

function writeOutputs(out: string, sweep: JudgedSweep): void {
  writeWholeFile(join(out, 'sweep.json'), `${JSON.stringify(sweepJson(sweep), null, 1)}\n`);
  writeWholeFile(join(out, 'sweep.csv'), sweepCsv(sweep));
  writeWholeFile(join(out, 'sweep.html'), sweepPage(sweep));
}

async function runSweep(name: string, flags: SweepCommandFlags, isSearch: boolean): Promise<void> {
  const definition = sweepDefinition(name, flags);
  const most = flags.most === undefined ? MOST_SEARCHED : wholeNumber('--most', flags.most, 1, 10_000);
  const sweep = await emulateAll(definition, flags, isSearch, most);
  const { out } = flags;
  if (out !== undefined) writeOutputs(out, sweep);
  if (flags.json === true) process.stdout.write(`${JSON.stringify(sweepJson(sweep), null, 1)}\n`);
  else {
    process.stdout.write(sweepText(sweep));
    if (out !== undefined && existsSync(out)) process.stdout.write(`charts  ${join(out, 'sweep.html')}\n`);
  }
}

function addFlags(command: Command): Command {
  return addConfigurationFlags(command)
    .option(
      '--over <key=values>',
      'a key of the configuration and its values: sms=16..32:4, batch=16..256:x2 (repeatable)',
      collect,
    )
    .option(
      '--minimize <figure>',
      'the best point has the least of it: layer, exposed, step, tpot, or as for --require',
    )
    .option('--maximize <figure>', 'the best point has the most of it (default throughput)')
    .option(
      '--under <limit>',
      "what the best point keeps within, such as tpot=50ms or 'exposed<=5%' (repeatable)",
      collect,
    )
    .option('--jobs <n>', 'how many are emulated at a time (default: as many as this machine has cores)')
    .option('--out <folder>', 'write sweep.csv, sweep.json, sweep.html; what is there already is not emulated again')
    .option('--json', 'print everything as JSON');
}

/** Adds `epemu sweep` and `epemu tune`. */
export function addSweepCommands(program: Command): void {
  const name = "a scenario as run takes it, a run's folder, a sweep's YAML file, or a ready sweep";
  addFlags(
    program.command('sweep').description('emulate a scenario over values of its configuration; tables and charts'),
  )
    .argument('<scenario>', name)
    .addHelpText(
      'after',
      `
Ready sweeps: ${readySweeps().join(', ')}. Short keys: sms, nic, nvlink, batch, ep. docs/sweeps.md

Examples:
  epemu sweep prefill --over sms=12..36:4 --minimize layer
  epemu sweep decode --over nic=25,50,100 --over overlap=full,none --out nics
  epemu sweep decode --over batch=16..256:x2 --under tpot=50ms
  epemu sweep batch-overlap --hardware h200 --out batches
  epemu sweep my-sweep.yaml --json | jq .best`,
    )
    .action((scenario: string, flags: SweepCommandFlags) => runSweep(scenario, flags, false));
  addFlags(
    program
      .command('tune')
      .description('search for the best point of a scenario, and show the curve that was searched'),
  )
    .argument('<scenario>', name)
    .option('--most <n>', `points that are emulated at most (default ${MOST_SEARCHED})`)
    .addHelpText(
      'after',
      `
Examples:
  epemu tune decode --maximize throughput --under tpot=50ms --over batch=4..256:4
  epemu tune prefill --minimize layer --over sms=4..60:2 --out tuned`,
    )
    .action((scenario: string, flags: SweepCommandFlags) => runSweep(scenario, flags, true));
}
