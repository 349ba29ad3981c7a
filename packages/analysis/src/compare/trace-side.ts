import { BadInputError } from '@epemu/core';
import { analyseSet } from '../analyze.js';
import type { AnalysedSet, Analysis } from '../analysis.js';
import { KernelRoles } from '../kernel-role.js';
import { comparedCategory } from './compared-category.js';
import type { ComparedSide, SideKernel, SidePhase, SideTables } from './side.js';
import { traceTables } from './trace-tables.js';

/** What a comparison takes from an analysis. */
export type ComparedAnalysis = Pick<
  Analysis,
  'source' | 'scenario' | 'ranks' | 'worldSize' | 'gpu' | 'layers' | 'phasesInferred' | 'timeline' | 'steady'
> & {
  readonly phases: readonly Omit<Analysis['phases'][number], 'minUs' | 'maxUs'>[];
  readonly kernelNames: readonly SideKernel[];
  readonly ranksSummary: readonly { readonly rank: number }[];
};

/** @returns phases as far as their means tell what they add; what kernels show is theirs, not a background transfer's. */
export function plainPhases(phases: ComparedAnalysis['phases']): SidePhase[] {
  return phases.map(({ name, stream, kind, count, meanUs, busyUs, exposedUs }) => ({
    ...{ name, stream, kind, count, meanUs },
    computeUs: kind === 'computation' ? count * (busyUs - exposedUs) : 0,
    exposedUs: kind === 'network' ? 0 : count * exposedUs,
  }));
}

function plainTables({ phases, kernelNames, layers }: ComparedAnalysis): SideTables {
  const roles = new KernelRoles();
  return {
    layers: layers.count,
    phases: plainPhases(phases),
    kernels: kernelNames.map(({ name, class: kernelClass, category, count, totalUs }) => {
      return { name, class: kernelClass, category: comparedCategory(roles, name, category), count, totalUs };
    }),
    collectives: null,
  };
}

/** @returns what of an analysis is compared, without what only its traces tell. */
export function sideOfAnalysis(path: string, analysis: ComparedAnalysis): ComparedSide {
  const { source, scenario, ranks, worldSize, gpu, layers, phasesInferred, timeline, steady, ranksSummary } = analysis;
  return {
    ...{ path, from: 'analysis', source, scenario, ranks, worldSize, gpu, phasesInferred, timeline, steady },
    rank: ranks === 1 ? (ranksSummary.at(0)?.rank ?? null) : null,
    layers: layers.count,
    marker: layers.marker,
    memory: null,
    throughput: null,
    configuration: null,
    plain: plainTables(analysis),
    exact: null,
  };
}

/** @returns traces as one side of a comparison. */
export function sideOfTraces(path: string, analysed: AnalysedSet): ComparedSide {
  return {
    ...sideOfAnalysis(path, analysed.analysis),
    from: 'traces',
    exact: { whole: traceTables(analysed, 'whole')!, steady: traceTables(analysed, 'steady') },
  };
}

/** @returns the analysis of one rank by itself. @throws BadInputError where it is not among those that were read. */
export function onlyRank({ set }: AnalysedSet, rank: number, path: string): AnalysedSet {
  const ranks = set.ranks.filter((each) => each.rank === rank);
  if (ranks.length === 0) {
    const known = set.ranks.map((each) => each.rank);
    const shown = known.length <= 8 ? known.join(', ') : `${known[0]} to ${known[known.length - 1]}`;
    throw new BadInputError('--rank', `--rank is ${rank}, but ${path} has rank ${shown}; name one that both have`);
  }
  return analyseSet({ ...set, ranks }, { align: 'never' });
}
