import { writeFileSync } from 'node:fs';
import { analyze } from '@epemu/analysis';
import type { AnalysedSet, AnalysisOptions, InputProblem, KernelClass, KernelPattern } from '@epemu/analysis';
import { EPEMU_VERSION } from '@epemu/cluster';
import { BadInputError, EXIT_CODE, messageOf } from '@epemu/core';
import { analysisPage, reportPage } from '@epemu/pages';
import type { Command } from 'commander';
import { analysisText } from '../analysis-text.js';

/** Flags of {@link addTraceFlags}. */
export interface TraceFlags {
  readonly communication?: readonly string[];
  readonly compute?: readonly string[];
  readonly align: string;
}

interface AnalyzeFlags extends TraceFlags {
  readonly html?: string;
  readonly json?: boolean;
}

const ALIGN = ['auto', 'always', 'never'] as const;

function collect(value: string, before: string[] | undefined): string[] {
  return [...(before ?? []), value];
}

/** @returns a user's patterns of one class. @throws BadInputError where one is no regular expression. */
function patternsOf(texts: readonly string[] | undefined, flag: string, kernelClass: KernelClass): KernelPattern[] {
  return (texts ?? []).map((text) => {
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
    .option('--align <mode>', 'align clocks of separate captures by their collectives: auto, always or never', 'auto');
}

/** Reads and analyses traces as those options say. @throws BadInputError */
export function analysedWith(paths: readonly string[], flags: TraceFlags): Promise<AnalysedSet> {
  return analyze(paths, optionsOf(flags));
}

/** @returns what those options say. @throws BadInputError */
export function optionsOf(flags: TraceFlags): Required<AnalysisOptions> {
  const patterns = [
    ...patternsOf(flags.communication, '--communication', 'communication'),
    ...patternsOf(flags.compute, '--compute', 'compute'),
  ];
  return { patterns, align: alignOf(flags.align) };
}

/** Writes a page. @throws BadInputError where the file cannot be written. */
export function writePage(flag: string, path: string, page: string): void {
  try {
    writeFileSync(path, page);
  } catch (cause) {
    const problem = `${flag} ${path} cannot be written: ${messageOf(cause)}`;
    throw new BadInputError(flag, `${problem}; name a file in a folder that exists`, { cause });
  }
}

/** Says on standard error what was wrong with the input; what misses something of it ends with 2. */
export function tellProblems(problems: readonly InputProblem[], what: 'analysis' | 'comparison'): void {
  for (const { message } of problems) process.stderr.write(`epemu: ${message}\n`);
  if (!problems.some(({ partial }) => partial)) return;
  process.stderr.write(`epemu: this ${what} is partial: what could be read is in it, what is named above is not\n`);
  process.exitCode = EXIT_CODE.badInput;
}

/** Adds `epemu analyze`. */
export function addAnalyzeCommand(program: Command): void {
  const command = program
    .command('analyze')
    .description('read EP traces, emulated or captured: overlap, exposed communication, stragglers, critical path')
    .argument('<trace...>', "PyTorch-profiler traces, plain or gzip; a run's folder; or a folder of traces");
  addTraceFlags(command)
    .option('--html <file>', 'write a self-contained report page')
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
      const analysed = await analysedWith(traces, flags);
      if (flags.html !== undefined) writePage('--html', flags.html, reportPage(analysisPage(analysed, EPEMU_VERSION)));
      process.stdout.write(
        flags.json === true
          ? `${JSON.stringify(analysed.analysis, null, 1)}\n`
          : analysisText(analysed, process.stdout),
      );
      tellProblems(analysed.analysis.problems, 'analysis');
    });
}
