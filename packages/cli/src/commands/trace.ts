import { statSync } from 'node:fs';
import { parseScalar } from '@epemu/config';
import { BadInputError, EXIT_CODE, counted } from '@epemu/core';
import { LINT_RULES, lintTrace } from '@epemu/trace';
import type { LintProblem } from '@epemu/trace';
import { plainText } from '@epemu/pages';
import type { Command } from 'commander';
import { addTensorboardCommand } from './trace-tensorboard.js';

interface LintFlags {
  readonly json?: boolean;
  readonly rules?: boolean;
  readonly limit: string;
}

/** Adds `epemu trace lint` and `epemu trace tensorboard`. */
export function addTraceCommand(program: Command): void {
  const trace = program.command('trace').description('work on trace files');
  addTensorboardCommand(trace);
  trace
    .command('lint')
    .description('check a trace, ours or anybody’s, against the rules that Perfetto, HTA and TensorBoard need')
    .argument('[file]', 'a Chrome or PyTorch-profiler trace, plain or gzip')
    .option('--rules', 'list the rules, each with its reason, and check nothing')
    .option('--limit <n>', 'problems to tell of each rule', '20')
    .option('--json', 'print the problems (or the rules) as JSON')
    .addHelpText(
      'after',
      `
An error makes a reader fail, drop events or count them wrong. A warning is about what is not drawn or not counted;
sound traces have such places too. Exit code 1 for errors, 0 without, 2 where the file is no trace or is damaged.

Examples:
  epemu trace lint runs/20260102-030405-decode-a1b2c3/trace.json.gz
  epemu trace lint --limit 1 worker0.pt.trace.json.gz     one problem of each rule
  epemu trace lint --json trace.json | jq '.[] | select(.severity == "error")'
  epemu trace lint --rules`,
    )
    .action(async (file: string | undefined, flags: LintFlags) => {
      if (flags.rules === true) process.stdout.write(rulesText(flags));
      else await lint(file, flags);
    });
}

function rulesText({ json }: LintFlags): string {
  if (json === true) return `${JSON.stringify(LINT_RULES, null, 1)}\n`;
  return LINT_RULES.map(({ id, severity, reason }) => `${id} (${severity}): ${reason}\n`).join('');
}

async function lint(file: string | undefined, { json, limit }: LintFlags): Promise<void> {
  if (file === undefined)
    throw new BadInputError('file', 'no trace is named; give a file, or --rules to list the rules');
  const maximumPerRule = parseScalar(limit);
  if (typeof maximumPerRule !== 'number' || !Number.isSafeInteger(maximumPerRule) || maximumPerRule < 1) {
    throw new BadInputError('--limit', `--limit is ${limit}; give a whole number of 1 or more`);
  }
  if (statSync(file, { throwIfNoEntry: false })?.isDirectory() === true) {
    throw new BadInputError(file, `${file} is a folder; name one trace in it`);
  }
  const problems = await lintTrace(file, { maximumPerRule });
  process.stdout.write(json === true ? `${JSON.stringify(problems, null, 1)}\n` : problemsText(file, problems));
  if (problems.some(({ severity }) => severity === 'error')) process.exitCode = EXIT_CODE.failure;
}

function problemsText(file: string, problems: readonly LintProblem[]): string {
  const lines = problems.map(({ rule, severity, index, message, reason }) => {
    const place = index < 0 ? '' : ` event ${index}:`;
    return `${plainText(`${file}:${place} ${severity} ${rule}: ${message} (${reason})`)}\n`;
  });
  const errors = problems.filter(({ severity }) => severity === 'error').length;
  const found =
    problems.length === 0
      ? 'no problems'
      : `${counted(errors, 'error')}, ${counted(problems.length - errors, 'warning')}`;
  return `${lines.join('')}${plainText(file)}: ${LINT_RULES.length} rules, ${found}\n`;
}
