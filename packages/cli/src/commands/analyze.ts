import { closeSync, existsSync, openSync, readSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { analyze, prepareExportFolder, writeChakra, writeCsv } from '@epemu/analysis';
import type { AnalysedSet, InputProblem, KernelPattern, ReadProgress } from '@epemu/analysis';
import type { KernelClass } from '@epemu/timeline';
import { EPEMU_VERSION, BadInputError, EXIT_CODE, messageOf, touchFile } from '@epemu/core';
import { analysisPage, drawingOf, plainText, reportPage } from '@epemu/pages';
import type { Command } from 'commander';
import { analysisText } from '../analysis-text.js';
import { ProgressLine } from '../progress.js';
import { problemsOfRun } from '../run-folder.js';
import { wholeNumber } from '../whole-number.js';

/** Flags of {@link addTraceFlags}. */
export interface TraceFlags {
  readonly communication?: readonly string[];
  readonly compute?: readonly string[];
  readonly anyJob?: boolean;
  readonly align: string;
}

interface AnalyzeFlags extends TraceFlags {
  readonly step?: string;
  readonly html?: string;
  readonly csv?: string;
  readonly chakra?: string;
  readonly json?: boolean;
}

const ALIGN = ['auto', 'always', 'never'] as const;

function collect(value: string, before: string[] | undefined): string[] {
  return [...(before ?? []), value];
}

/** @returns a user's patterns of one class. @throws BadInputError where one is no regular expression. */
function patternsOf(texts: readonly string[] | undefined, flag: string, kernelClass: KernelClass): KernelPattern[] {
  return (texts ?? []).map((text) => {
    if (text === '')
      throw new BadInputError(flag, `${flag} is empty, which every name matches; give a part of a kernel's name`);
    try {
      return { library: 'own pattern', pattern: new RegExp(text), class: kernelClass };
    } catch (cause) {
      const problem = `${flag} is ${text}, which is no regular expression (${messageOf(cause)})`;
      throw new BadInputError(flag, `${problem}; give one as JavaScript has them, such as 'my_all_to_all'`, { cause });
    }
  });
}

function alignOf(text: string): (typeof ALIGN)[number] {
  const found = ALIGN.find((mode) => mode === text);
  if (found !== undefined) return found;
  throw new BadInputError('--align', `--align is ${text}; give auto, always or never`);
}

/** Adds the options that tell kernels and clocks apart to a command that reads traces. */
export function addTraceFlags(command: Command): Command {
  return command
    .option('--communication <pattern>', 'kernels that communicate, by a regular expression (repeatable)', collect)
    .option('--compute <pattern>', 'kernels that compute, whatever the table says (repeatable)', collect)
    .option('--any-job', 'take traces together that are of different jobs by world size, GPU or date')
    .option('--align <mode>', 'align clocks of separate captures by their collectives: auto, always or never', 'auto');
}

/** Reading that takes less than this needs no progress. */
const QUIET_MS = 1000;

/** @returns the patterns that those options give. @throws BadInputError */
export function patternsWith(flags: TraceFlags): KernelPattern[] {
  return [
    ...patternsOf(flags.communication, '--communication', 'communication'),
    ...patternsOf(flags.compute, '--compute', 'compute'),
  ];
}

/** Reads and analyses traces as those options say, with progress on standard error. @throws BadInputError */
export async function analysedWith(
  paths: readonly string[],
  flags: TraceFlags & { readonly step?: string },
): Promise<AnalysedSet> {
  const patterns = patternsWith(flags);
  const begun = performance.now();
  const line = new ProgressLine(process.stderr);
  const onProgress = ({ file, events, done, files }: ReadProgress): void => {
    if (performance.now() - begun < QUIET_MS) return;
    line.show({ stage: 'reading', detail: `${file} (${events} events)`, share: done / files });
  };
  try {
    const step =
      flags.step === undefined ? {} : { step: wholeNumber('--step', flags.step, 0, Number.MAX_SAFE_INTEGER) };
    const set = await analyze(paths, {
      ...step,
      patterns,
      align: alignOf(flags.align),
      anyJob: flags.anyJob === true,
      onProgress,
    });
    const problems = [...paths.flatMap(problemsOfRun), ...set.analysis.problems];
    return { ...set, analysis: { ...set.analysis, problems } };
  } finally {
    if (performance.now() - begun >= QUIET_MS) line.end();
  }
}

const PAGE_START = '<!doctype html>';

/** @returns whether a path leads to a file that holds something, and that is no page. */
function holdsOther(path: string): boolean {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat === undefined || !stat.isFile() || stat.size === 0) return false;
  const file = openSync(path, 'r');
  try {
    const start = Buffer.alloc(PAGE_START.length);
    readSync(file, start, 0, start.length, 0);
    return start.toString('latin1') !== PAGE_START;
  } finally {
    closeSync(file);
  }
}

/**
 * Looks whether a page can be written; what its file holds stays until then.
 *
 * @throws BadInputError where it cannot, or where the file holds something that is no page: a trace, by whatever path.
 */
export function checkPage(flag: string, path: string): void {
  if (holdsOther(path)) {
    throw new BadInputError(
      flag,
      `${flag} ${path} holds something that is no page; name another file, or remove it first`,
    );
  }
  const isNew = !existsSync(path);
  writing(flag, path, () => {
    touchFile(path);
    if (isNew) rmSync(path);
  });
}

/** Writes a page. @throws BadInputError where the file cannot be written. */
export function writePage(flag: string, path: string, page: string): void {
  writing(flag, path, () => {
    writeFileSync(path, page);
  });
  process.stderr.write(`wrote ${plainText(path)}; open it in a browser\n`);
}

function writing(flag: string, path: string, act: () => void): void {
  try {
    act();
  } catch (cause) {
    const problem = `${flag} ${path} cannot be written: ${messageOf(cause)}`;
    throw new BadInputError(flag, `${problem}; name a file in a folder that exists and has room`, { cause });
  }
}

/** Says on standard error what was wrong with the input; what misses something of it ends with 2. */
export function tellProblems(problems: readonly InputProblem[], what: 'analysis' | 'comparison'): void {
  for (const { message } of problems) process.stderr.write(`epemu: ${plainText(message)}\n`);
  if (!problems.some(({ partial }) => partial)) return;
  process.stderr.write(`epemu: this ${what} is partial: what could be read is in it, what is named above is not\n`);
  process.exitCode = EXIT_CODE.badInput;
}

/** Refuses outputs that cannot be written, before the traces are read rather than after. @throws BadInputError */
function checkOutputs({ html, csv, chakra }: AnalyzeFlags): void {
  const pages = [csv, chakra].filter(
    (folder) => folder !== undefined && html !== undefined && resolve(folder) === resolve(html),
  );
  if (pages.length > 0)
    throw new BadInputError('--html', `--html is ${String(html)}, which is a folder of exports; name another file`);
  if (csv !== undefined) prepareExportFolder('--csv', csv);
  if (chakra !== undefined && csv !== undefined && resolve(chakra) === resolve(csv)) {
    throw new BadInputError('--chakra', `--chakra is ${chakra}, which is the folder of --csv; name another one`);
  }
  if (chakra !== undefined) prepareExportFolder('--chakra', chakra);
  if (html !== undefined) checkPage('--html', html);
}

async function writeExports(analysed: AnalysedSet, { csv, chakra }: AnalyzeFlags): Promise<void> {
  const outcomes = [
    ...(csv === undefined ? [] : [await writeCsv(analysed, csv)]),
    ...(chakra === undefined ? [] : [await writeChakra(analysed, chakra)]),
  ];
  for (const note of outcomes.flatMap(({ notes }) => notes)) process.stderr.write(`epemu: ${plainText(note)}\n`);
}

/** Adds `epemu analyze`. */
export function addAnalyzeCommand(program: Command): void {
  const command = program
    .command('analyze')
    .description('read EP traces, emulated or captured: overlap, exposed communication, stragglers, critical path')
    .argument('<trace...>', "PyTorch-profiler traces, plain or gzip; a run's folder; or a folder of traces");
  addTraceFlags(command)
    .option('--step <n>', 'analyse one step of the profiler alone (ProfilerStep#n)')
    .option('--html <file>', 'write a self-contained report page')
    .option('--csv <folder>', 'write phases, kernels, collectives and ranks as CSV files')
    .option('--chakra <folder>', "write each rank's nodes (COMP, SEND, RECV) as Chakra-style JSON")
    .option('--json', 'print everything as JSON')
    .addHelpText(
      'after',
      `
Communication is told by kernel names: NCCL, DeepEP (deep_ep::, dpsk::ep::), Hybrid-EP, pplx, TensorRT-LLM, MORI, NVSHMEM,
custom all-reduce of SGLang and vLLM; --communication adds your own. Figures follow Holistic Trace Analysis (HTA).
Ranks are matched by their collectives, and the clocks of separate captures aligned by them where they differ.
docs/analysis.md says what each figure means and what the critical path and the what-ifs assume.

Examples:
  epemu analyze runs/20260102-030405-decode-a1b2c3
  epemu analyze trace.json --html report.html
  epemu analyze captures/ --json | jq .timeline.overlapPct
  epemu analyze captures/*.pt.trace.json.gz --communication my_all_to_all`,
    )
    .action(async (traces: string[], flags: AnalyzeFlags) => {
      checkOutputs(flags);
      const analysed = await analysedWith(traces, flags);
      if (flags.html !== undefined)
        writePage('--html', flags.html, reportPage(analysisPage(analysed, drawingOf(analysed.ranks), EPEMU_VERSION)));
      await writeExports(analysed, flags);
      process.stdout.write(
        flags.json === true
          ? `${JSON.stringify(analysed.analysis, null, 1)}\n`
          : analysisText(analysed, process.stdout),
      );
      tellProblems(analysed.analysis.problems, 'analysis');
    });
}
