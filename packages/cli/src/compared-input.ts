import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { KernelRoles, besidesTraces, onlyRank, sideOfJson, sideOfTraces } from '@epemu/analysis';
import type { AnalysedSet, ComparedConfiguration, ComparedSide, InputProblem } from '@epemu/analysis';
import { BadInputError, messageOf, isMapping } from '@epemu/core';
import { analysedWith, patternsWith } from './commands/analyze.js';
import type { TraceFlags } from './commands/analyze.js';
import { jsonOf } from './json-input.js';

/** One side as it was read. */
export interface ComparedInput {
  readonly side: ComparedSide;
  /** Null of a report and of a saved analysis. */
  readonly analysed: AnalysedSet | null;
  readonly problems: readonly InputProblem[];
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
    return { side: { ...side, configuration: configurationIn(dirname(path)) }, analysed: null, problems };
  }
  const all = await readOrExplain(path, flags);
  const analysed = rank === undefined ? all : onlyRank(all, rank, path);
  return {
    side: {
      ...{ ...sideOfTraces(path, analysed), ...besidesTraces(jsonIn(path, 'report.json')) },
      configuration: configurationIn(path) ?? asConfiguration(analysed.set.facts.configuration),
    },
    analysed,
    problems: all.analysis.problems,
  };
}

function asConfiguration(value: unknown): ComparedConfiguration | null {
  return isMapping(value) ? value : null;
}

/** @returns what a file of a run's folder holds; undefined where there is none. */
function jsonIn(folder: string, file: string): unknown {
  const path = join(folder, file);
  return existsSync(path) ? jsonOf(path) : undefined;
}

/** @returns what a run in a folder was configured with; null where there is none. */
function configurationIn(folder: string): ComparedConfiguration | null {
  return asConfiguration(jsonIn(folder, 'config.json'));
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
