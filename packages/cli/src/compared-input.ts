import { closeSync, existsSync, openSync, readFileSync, readSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { KernelRoles, memoryOfReport, onlyRank, sideOfJson, sideOfTraces } from '@epemu/analysis';
import type { AnalysedSet, ComparedSide, InputProblem } from '@epemu/analysis';
import { BadInputError, messageOf } from '@epemu/core';
import { analysedWith, patternsWith } from './commands/analyze.js';
import type { TraceFlags } from './commands/analyze.js';

/** Where a trace has its events at the latest, and a report or analysis has none. */
const HEAD_BYTES = 65_536;
/** Reports and analyses are far smaller; what is larger is read as a trace only, piece by piece. */
const MOST_JSON_BYTES = 256 * 2 ** 20;

/** Events of a trace; a report has a figure of that name. */
const TRACE_EVENTS = /"traceEvents"\s*:\s*\[/;

/** One side as it was read. */
export interface ComparedInput {
  readonly side: ComparedSide;
  /** Null of a report and of a saved analysis. */
  readonly analysed: AnalysedSet | null;
  readonly problems: readonly InputProblem[];
}

function headOf(path: string): string {
  const file = openSync(path, 'r');
  try {
    const head = Buffer.alloc(HEAD_BYTES);
    return head.toString('utf8', 0, readSync(file, head, 0, HEAD_BYTES, 0));
  } finally {
    closeSync(file);
  }
}

/** @returns the JSON of a file that is no trace; undefined of one that may be one, or that is no JSON. */
function jsonOf(path: string): unknown {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat === undefined || !stat.isFile() || stat.size > MOST_JSON_BYTES) return undefined;
  try {
    const head = headOf(path);
    if (!head.trimStart().startsWith('{') || TRACE_EVENTS.test(head)) return undefined;
    const value: unknown = JSON.parse(readFileSync(path, 'utf8'));
    return typeof value === 'object' && value !== null && 'traceEvents' in value ? undefined : value;
  } catch {
    // What is wrong with it, the reader of traces says better.
    return undefined;
  }
}

/**
 * Reads one side of a comparison: a trace, a folder of traces, a run's folder, a report or a saved analysis.
 *
 * @param rank of traces: the only rank to compare; undefined for the mean over all.
 * @throws BadInputError where it is none of these, or a report is asked for one rank.
 */
export async function comparedInput(path: string, flags: TraceFlags, rank: number | undefined): Promise<ComparedInput> {
  const json = jsonOf(path);
  if (json !== undefined) {
    const { side, problems } = sideOfJson(path, json, new KernelRoles(patternsWith(flags)));
    if (rank !== undefined && side.rank !== rank) {
      const problem = `--rank is ${rank}, but ${path} is ${side.from === 'report' ? 'a report' : 'a saved analysis'}`;
      throw new BadInputError('--rank', `${problem}, which has means over ranks only; name its traces instead`);
    }
    return { side, analysed: null, problems };
  }
  const all = await readOrExplain(path, flags);
  const analysed = rank === undefined ? all : onlyRank(all, rank, path);
  return {
    side: { ...sideOfTraces(path, analysed), memory: memoryBeside(path) },
    analysed,
    problems: all.analysis.problems,
  };
}

/** @returns what the report in a run's folder says of memory, which traces do not; null of anything else. */
function memoryBeside(path: string): ComparedSide['memory'] {
  const report = join(path, 'report.json');
  return existsSync(report) ? memoryOfReport(jsonOf(report)) : null;
}

async function readOrExplain(path: string, flags: TraceFlags): Promise<AnalysedSet> {
  try {
    return await analysedWith([path], flags);
  } catch (error) {
    if (!(error instanceof BadInputError) || !messageOf(error).includes('cannot be read as a trace')) throw error;
    throw new BadInputError(
      path,
      `${messageOf(error)}; a report.json and what analyze --json printed can be compared too`,
      {
        cause: error,
      },
    );
  }
}
