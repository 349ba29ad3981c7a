import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { BadInputError } from '@epemu/core';
import { plainText } from '@epemu/pages';
import type { Command } from 'commander';
import { SHORT_NAMES, allFigures } from '../check/figures.js';
import type { FigureSource } from '../check/figures.js';
import { addCheckFlags, reportChecks, requirementsOf } from '../check/report-checks.js';
import type { CheckFlags } from '../check/report-checks.js';
import { figureText, unitOfPath } from '../check/units.js';
import { jsonOf } from '../json-input.js';
import { plainTable } from '../plain-table.js';
import { problemsOfRun } from '../run-folder.js';
import { addTraceFlags, analysedWith, tellProblems } from './analyze.js';
import type { TraceFlags } from './analyze.js';

interface CheckCommandFlags extends TraceFlags, CheckFlags {
  readonly list?: boolean;
  readonly json?: boolean;
}

/** @returns the figures of a run, a trace, a report or a saved analysis. @throws BadInputError where it is none, or not whole. */
async function figuresIn(path: string, flags: TraceFlags): Promise<FigureSource> {
  const [problem] = problemsOfRun(path);
  if (problem !== undefined) throw new BadInputError(path, `${problem.message}; its figures are not checked`);
  const report = join(path, 'report.json');
  const json = jsonOf(existsSync(report) ? report : path);
  if (json === undefined) {
    const { analysis } = await analysedWith([path], flags);
    tellProblems(analysis.problems, 'analysis');
    return { name: path, json: analysis };
  }
  const { schema, status } = json as { schema?: unknown; status?: unknown };
  if (schema !== 'epemu-report/1' && schema !== 'epemu-analysis/1') {
    const what = 'neither a report (epemu-report/1) nor what analyze --json printed (epemu-analysis/1)';
    throw new BadInputError(path, `${path} is ${what}; name a run's folder, a trace or a report.json`);
  }
  if (status === 'failed') {
    throw new BadInputError(path, `${path} is of a run that failed; its figures are not checked, so run it again`);
  }
  return { name: path, json };
}

function listText({ json }: FigureSource): string {
  const short = new Map(Object.entries(SHORT_NAMES).map(([name, [path]]) => [path, name]));
  const rows = allFigures(json).map(({ keys, value }) => [
    plainText(keys.join('.')),
    typeof value === 'number' ? figureText(value, unitOfPath(keys)) : plainText(String(value)).slice(0, 60),
    short.get(keys.join('.')) ?? '',
  ]);
  return `${plainTable(['figure', 'is', 'short name'], rows).replace(/ +$/gm, '')}\n`;
}

/** Adds `epemu check`. */
export function addCheckCommand(program: Command): void {
  const command = program
    .command('check')
    .description('hold figures of a run or a trace against requirements, for CI')
    .argument('<run>', "a run's folder, a trace, a folder of traces, a report.json, or what analyze --json printed");
  addTraceFlags(addCheckFlags(command))
    .option('--list', 'print the figures that can be required')
    .option('--json', 'print the outcome as JSON')
    .addHelpText(
      'after',
      `
A figure is a path of report.json (docs/formats.md), of a trace one of what analyze --json prints: steady.exposedCommPct,
phases[DISPATCH(0)].meanUs, ranksSummary[*].exposedCommPct (of a list the worst counts). Short names, steady where a run
has four layers or more: ${Object.keys(SHORT_NAMES).join(', ')}.
Operators are <= >= < > == !=. A number has a unit (ns, us, ms, s, %, B, kB, MB, GB, TB, tokens/s) or the figure's own.
Exit code 0 when all hold, 5 when one does not, 2 when one asks for what there is not. docs/budgets.md has recipes.

Examples:
  epemu check runs/20260102-030405-decode-a1b2c3 --require 'steady.exposedCommPct<=5' --require 'layer<=35ms'
  epemu check captured.json.gz --require 'overlap>=90%' --junit budgets.xml
  epemu check runs/a/report.json --require 'phases[COMBINE(0)].exposedUs<=20us' --github
  epemu check runs/a --list`,
    )
    .action(async (path: string, flags: CheckCommandFlags) => {
      const requirements = requirementsOf(flags);
      if (requirements.length === 0 && flags.list !== true) {
        throw new BadInputError('--require', "there is nothing to check; add --require 'layer<=35ms', or --list");
      }
      const source = await figuresIn(path, flags);
      const isJson = flags.json === true;
      if (flags.list === true && !isJson) process.stdout.write(listText(source));
      const output = requirements.length === 0 || isJson ? undefined : process.stdout;
      const outcomes = reportChecks(source, requirements, flags, output);
      if (!isJson) return;
      const figures = flags.list === true ? { figures: allFigures(source.json) } : {};
      const json = {
        schema: 'epemu-check/1',
        source: path,
        holds: outcomes.every(({ holds }) => holds),
        requirements: outcomes,
      };
      process.stdout.write(`${JSON.stringify({ ...json, ...figures }, null, 1)}\n`);
    });
}
