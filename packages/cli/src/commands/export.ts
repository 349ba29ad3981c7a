import { existsSync, rmSync, statSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { BadInputError, FILE_LIMITS, counted, messageOf, readRegularFile, touchFile } from '@epemu/core';
import { tracedRanks, writePerfettoArchive, writerOf } from '@epemu/outputs';
import type { ArchivedRun } from '@epemu/outputs';
import { plainText } from '@epemu/pages';
import type { Command } from 'commander';
import { abortOnSignals } from '../interrupt.js';
import { rankFiles, ranksOfText } from '../picture/layers.js';
import { problemsOfRun } from '../run-folder.js';

interface ExportFlags {
  readonly perfetto?: boolean;
  readonly out: string;
  readonly ranks?: string;
}

const MOST_RANKS = 65_536;

/** @returns what a run's configuration holds by name. @throws BadInputError where it cannot be read. */
function configurationIn(folder: string): Readonly<Record<string, unknown>> {
  const path = join(folder, 'config.json');
  let value: unknown;
  try {
    value = JSON.parse(readRegularFile(path, FILE_LIMITS.configuration).toString());
  } catch (error) {
    throw new BadInputError('run', `${path} cannot be read (${messageOf(error)}); name the folder of a whole run`);
  }
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}

/** @returns the run in a folder, as far as an archive tells of it. @throws BadInputError where there is none. */
function runIn(folder: string): ArchivedRun {
  if (!existsSync(join(folder, 'config.json'))) {
    throw new BadInputError('run', `${folder} is no run's folder (it has no config.json); name one`);
  }
  const writer = writerOf(folder);
  if (writer !== undefined) {
    throw new BadInputError('run', `${folder} is being written by ${writer}; wait until that run has ended`);
  }
  const { ranks, scenario, hardware } = configurationIn(folder);
  const { nodeSize } = (hardware ?? {}) as { nodeSize?: unknown };
  const isCount = (value: unknown): value is number =>
    typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= MOST_RANKS;
  if (!isCount(ranks) || !isCount(nodeSize)) {
    const what = isCount(ranks) ? 'hardware.nodeSize' : 'ranks';
    throw new BadInputError('run', `${join(folder, 'config.json')} has no ${what}; name the folder of a whole run`);
  }
  const known = typeof scenario === 'string' ? scenario : '';
  const name = basename(resolve(folder));
  return { folder, name, scenario: known, ranks, nodeSize: Math.min(nodeSize, ranks) };
}

/** Finds out whether the file can be written before anything is read. @throws BadInputError */
function checkOut(out: string): void {
  const isNew = !existsSync(out);
  try {
    if (statSync(out, { throwIfNoEntry: false })?.isDirectory() === true) throw new Error('it is a folder');
    touchFile(out);
    if (isNew) rmSync(out);
  } catch (cause) {
    const problem = `--out ${out} cannot be written: ${messageOf(cause)}`;
    throw new BadInputError('--out', `${problem}; name a file in a folder that exists and has room`, { cause });
  }
}

/** @returns the ranks that are meant, all of which left a trace. @throws BadInputError where there are none such. */
function ranksOf(run: ArchivedRun, text: string | undefined): number[] {
  const ranks = text === undefined ? tracedRanks(run) : ranksOfText(text, MOST_RANKS);
  if (ranks.length === 0 || rankFiles(run.folder, ranks) === undefined) {
    throw new BadInputError('run', `the run in ${run.folder} left no rank's trace; run it again`);
  }
  return ranks;
}

/** Adds `epemu export`. */
export function addExportCommand(program: Command): void {
  program
    .command('export')
    .description("put the traces of a run's ranks into one archive that Perfetto opens without settings")
    .argument('<run>', "a run's folder")
    .option(
      '--perfetto',
      "Perfetto's archive: a zip of the ranks' traces and its manifest, which names and aligns them",
    )
    .requiredOption('--out <file>', 'where the archive goes: a file that ends with .zip')
    .option('--ranks <list>', 'these ranks alone: 0-3,8 (default: all)')
    .addHelpText(
      'after',
      `
Nothing is thinned or cut: the ranks' own files, with calls, waits and tracks of exposed time. Perfetto reads the manifest
from v58 on (ui.perfetto.dev does); trace_processor reads the same file. The arrows between ranks are in trace.json.gz.

Examples:
  epemu export --perfetto runs/20260102-030405-decode-a1b2c3 --out run.zip
  epemu export --perfetto runs/a --ranks 0-15 --out node-0-and-1.zip`,
    )
    .action(async (folder: string, { perfetto, out, ranks: text }: ExportFlags) => {
      if (perfetto !== true) {
        throw new BadInputError('--perfetto', 'no form of export is named; add --perfetto, the one that there is');
      }
      if (!/\.zip$/i.test(out)) {
        throw new BadInputError('--out', `--out is ${out}, but the archive is a zip; let it end with .zip`);
      }
      const run = runIn(folder);
      const ranks = ranksOf(run, text);
      checkOut(out);
      const bytes = await writePerfettoArchive(run, ranks, out, abortOnSignals().signal);
      for (const { message } of problemsOfRun(folder)) process.stderr.write(`epemu: ${plainText(message)}\n`);
      const size = (bytes / 1e6).toFixed(1);
      const opened = 'open it at https://ui.perfetto.dev';
      process.stdout.write(`${plainText(out)}: ${counted(ranks.length, 'rank')}, ${size} MB; ${opened}\n`);
    });
}
