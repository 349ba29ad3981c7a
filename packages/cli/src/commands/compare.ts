import { existsSync } from 'node:fs';
import { compare } from '@epemu/analysis';
import type { Comparison } from '@epemu/analysis';
import { EPEMU_VERSION, BadInputError, EXIT_CODE } from '@epemu/core';
import { comparisonPage, comparisonSentence, reportPage } from '@epemu/pages';
import type { Command } from 'commander';
import { comparedInput } from '../compared-input.js';
import type { ComparedInput } from '../compared-input.js';
import { comparisonText } from '../comparison-text.js';
import { comparisonsText } from '../comparisons-text.js';
import { flagOf } from '../flag-names.js';
import { comparePublished, publishedText } from './compare-published.js';
import { addTraceFlags, checkPage, tellProblems, writePage } from './analyze.js';
import type { TraceFlags } from './analyze.js';

interface CompareFlags extends TraceFlags {
  readonly rank?: string;
  readonly failAbove?: string;
  readonly html?: string;
  readonly json?: boolean;
}

function rankOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (/^\d+$/.test(text)) return Number(text);
  throw new BadInputError('--rank', `--rank is ${text}; give the number of a rank, 0 or more`);
}

function percentOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const pct = text.trim() === '' ? Number.NaN : Number(text);
  if (Number.isFinite(pct) && pct >= 0) return pct;
  throw new BadInputError('--fail-above', `--fail-above is ${text}; give a percentage of 0 or more, such as 2.5`);
}

/** Ends with 1 where the layer's time, or the span's, differs by more than is allowed. */
function failAbove({ basis, decomposition }: Comparison, most: number | undefined): void {
  if (most === undefined) return;
  const { a, differencePct, difference } = decomposition;
  const pct = differencePct ?? (difference.layerUs === 0 ? 0 : Number.POSITIVE_INFINITY);
  if (Math.abs(pct) <= most) return;
  const what = `${basis.window === 'steady' ? 'steady ' : ''}${basis.unit}`;
  const by = `${pct > 0 ? '+' : ''}${pct.toFixed(2)} % of A’s ${(a.layerUs / 1000).toFixed(3)} ms`;
  process.stderr.write(`epemu: B’s ${what} differs by ${by}, which is more than --fail-above ${most} allows\n`);
  // What was compared in part only says nothing: that it was in part comes first.
  process.exitCode ??= EXIT_CODE.failure;
}

/** In the place of what is compared: the figures that were published. */
const PUBLISHED = 'published';

function refuse(flag: keyof CompareFlags, flags: CompareFlags, why: string): void {
  const text = flagOf(flag);
  if (flags[flag] !== undefined) throw new BadInputError(text, `${text} is given, but ${why}; leave it out`);
}

function published(name: string, more: readonly string[], flags: CompareFlags): void {
  if (more.length !== 1)
    throw new BadInputError('published', `compare published ${name} takes one run; name its folder`);
  for (const flag of ['html', 'failAbove', 'rank'] as const) {
    refuse(flag, flags, 'published figures are compared as a table; epemu check holds figures against requirements');
  }
  const comparison = comparePublished(name, more[0]);
  process.stdout.write(flags.json === true ? `${JSON.stringify(comparison, null, 1)}\n` : publishedText(comparison));
}

/** Compares each of several with the first. */
async function compareAll(paths: readonly string[], flags: CompareFlags): Promise<void> {
  for (const flag of ['html', 'failAbove'] as const) refuse(flag, flags, 'more than two are compared');
  const rank = rankOf(flags.rank);
  const sides: ComparedInput[] = [];
  // One after the other: traces take memory.
  for (const path of paths) {
    const { side, problems } = await comparedInput(path, flags, rank);
    sides.push({ side, problems, analysed: null });
  }
  const comparisons = sides.slice(1).map(({ side }) => compare(sides[0].side, side));
  const json = comparisons.map((comparison) => ({ ...comparison, sentence: comparisonSentence(comparison) }));
  process.stdout.write(
    flags.json === true
      ? `${JSON.stringify({ schema: 'epemu-comparisons/1', comparisons: json }, null, 1)}\n`
      : comparisonsText(comparisons),
  );
  tellProblems(
    sides.flatMap(({ problems }) => problems),
    'comparison',
  );
}

/** Adds `epemu compare`. */
export function addCompareCommand(program: Command): void {
  const command = program
    .command('compare')
    .description('two traces, runs or reports side by side: phases and kernels, by what they changed')
    .argument('<a>', "a trace, a run's folder, a folder of traces, a report.json, or what analyze --json printed")
    .argument('<b>', 'what is compared with it; every difference is B − A')
    .argument('[more...]', 'more, each compared with the first');
  addTraceFlags(command)
    .option('--rank <n>', 'compare this rank of both, not the mean over ranks')
    .option('--fail-above <pct>', 'end with code 1 where the (steady) layer time differs by more than so many percent')
    .option('--html <file>', 'write a self-contained page')
    .option('--json', 'print everything as JSON')
    .addHelpText(
      'after',
      `
Times are of one steady layer where both have four layers or more, so that traces of any length compare. What a layer
consists of, computation, exposed communication and idle time, adds up to it on both sides; phases are sorted by what
they add to the difference. A captured trace of one rank is compared with the mean over the other's ranks.
docs/comparison.md says how phases and kernels are matched.

Of more than two there is a table, the first the baseline. epemu compare published NAME RUN sets published figures beside a
run's; NAME is train, prefill or decode.

Examples:
  epemu compare runs/nic-50 runs/nic-100 runs/nic-200
  epemu compare published train runs/…
  epemu compare trace.json runs/20260102-030405-train-a1b2c3      a captured trace with an emulated run
  epemu compare runs/a runs/b --html comparison.html
  epemu compare runs/a/report.json runs/b/report.json --fail-above 2
  epemu compare captures/ runs/b --rank 0 --json | jq .decomposition.difference`,
    )
    .action(async (pathA: string, pathB: string, more: string[], flags: CompareFlags) => {
      if (pathA === PUBLISHED && !existsSync(pathA)) {
        published(pathB, more, flags);
        return;
      }
      if (more.length > 0) {
        await compareAll([pathA, pathB, ...more], flags);
        return;
      }
      const [rank, most] = [rankOf(flags.rank), percentOf(flags.failAbove)];
      if (flags.html !== undefined) checkPage('--html', flags.html);
      const a = await comparedInput(pathA, flags, rank);
      const b = await comparedInput(pathB, flags, rank);
      const comparison = compare(a.side, b.side);
      const sets = { a: a.analysed, b: b.analysed };
      const problems = [...a.problems, ...(pathB === pathA ? [] : b.problems)];
      if (flags.html !== undefined) {
        const messages = problems.map(({ message }) => message);
        writePage('--html', flags.html, reportPage(comparisonPage(comparison, sets, messages, EPEMU_VERSION)));
      }
      const json = { ...comparison, sentence: comparisonSentence(comparison) };
      process.stdout.write(
        flags.json === true ? `${JSON.stringify(json, null, 1)}\n` : comparisonText(comparison, sets, process.stdout),
      );
      tellProblems(problems, 'comparison');
      failAbove(comparison, most);
    });
}
