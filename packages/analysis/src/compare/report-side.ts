import { explainIssue } from '@epemu/config';
import { BadInputError, isMapping } from '@epemu/core';
import type * as z from 'zod';
import type { CollectiveRole } from '@epemu/timeline';
import type { KernelRoles } from '../kernel-role.js';
import type { InputProblem } from '../model.js';
import { comparedCategory } from './compared-category.js';
import { ANALYSIS_SCHEMA, REPORT_SCHEMA } from './report-schema.js';
import type { ReadReport } from './report-schema.js';
import type { ComparedSide, SideKernel, SideTables } from './side.js';
import { plainPhases, sideOfAnalysis } from './trace-side.js';

/** One side of a comparison that was read from JSON, and what is wrong with it. */
export interface ReadSide {
  readonly side: ComparedSide;
  readonly problems: readonly InputProblem[];
}

function parsed<Value>(schema: z.ZodType<Value>, path: string, value: unknown): Value {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const { field, message } = explainIssue(result.error.issues[0], value, () => []);
  throw new BadInputError(field, `${path} cannot be compared: ${message}; write it anew`);
}

function reportTables(report: ReadReport, layers: number, roles: KernelRoles): SideTables {
  const kernels = new Map<string, SideKernel>();
  const collectives = new Map<string, { phase: string; role: CollectiveRole; totalUs: number }>();
  for (const { phase, kernel, count, meanUs, ...said } of report.kernels) {
    // What a report of the first version does not say, names have to tell.
    const guess = roles.of(kernel);
    const role = said.collectiveRole === undefined ? guess.collective?.role : said.collectiveRole;
    const before = kernels.get(kernel);
    const totalUs = count * meanUs;
    kernels.set(kernel, {
      name: kernel,
      class: said.class ?? guess.class,
      category: before?.category ?? comparedCategory(roles, kernel, said.category ?? guess.category),
      count: (before?.count ?? 0) + count,
      totalUs: (before?.totalUs ?? 0) + totalUs,
    });
    if (role === undefined || role === null) continue;
    const key = `${role} ${phase}`;
    const together = collectives.get(key) ?? { phase, role, totalUs: 0 };
    together.totalUs += totalUs;
    collectives.set(key, together);
  }
  return {
    layers,
    phases: plainPhases(report.phases),
    kernels: [...kernels.values()],
    collectives: [...collectives.values()],
  };
}

type Timeline = NonNullable<ReadReport['timeline']>;

/**
 * A report's own `layers` counts dense ones too, which its figures may have no mark of: its steady layers, without the
 * first and the last, tell how many there were.
 */
function layersOf(timeline: Timeline, steady: Timeline | null): number {
  if (steady !== null) return Math.round(steady.rankSpanUs / steady.layerUs.mean) + 2;
  const { rankSpanUs, layerUs } = timeline;
  // What comes before the first layer is less than one; sums of rounded times may be less than the whole by a bit.
  return layerUs.mean > 0 ? Math.floor(rankSpanUs / layerUs.mean + 0.001) : 0;
}

function readReport(path: string, value: unknown, roles: KernelRoles): ReadSide {
  const report = parsed(REPORT_SCHEMA, path, value);
  const { scenario, ranks, status, error, timeline } = report;
  const failed = `${path} is of a run that failed${error === undefined ? '' : ` (${error})`}`;
  if (timeline === null) {
    const why = status === 'failed' ? failed : `${path} has no timeline`;
    throw new BadInputError(path, `${why}, so that it has no figures to compare; run it again`);
  }
  // With too few layers a report's steady figures are those of the whole run.
  const isSteady = report.steady !== null && report.steady.rankSpanUs < timeline.rankSpanUs;
  const steady = isSteady ? report.steady : null;
  const layers = layersOf(timeline, steady);
  const problem = { file: path, message: `${failed}; its figures end where it did`, partial: true };
  return {
    side: {
      ...{ path, from: 'report', source: 'emulated', scenario, ranks, layers, timeline, steady },
      rank: ranks === 1 ? (report.ranksSummary.at(0)?.rank ?? null) : null,
      ...{
        worldSize: ranks,
        gpu: null,
        marker: null,
        phasesInferred: false,
        exact: null,
        memory: report.memory ?? null,
        throughput: report.throughput ?? null,
        configuration: null,
      },
      plain: reportTables(report, layers, roles),
    },
    problems: status === 'failed' ? [problem] : [],
  };
}

function readAnalysis(path: string, value: unknown): ReadSide {
  const analysis = parsed(ANALYSIS_SCHEMA, path, value);
  const message = `${path} was saved from an analysis that is partial; analyse its traces for what is missing`;
  return {
    side: sideOfAnalysis(path, analysis),
    problems: analysis.partial ? [{ file: path, message, partial: true }] : [],
  };
}

/** @returns what a run's `report.json` says that traces do not; null of what it says nothing of that can be read. */
export function besidesTraces(report: unknown): Pick<ComparedSide, 'memory' | 'throughput'> {
  const { memory, throughput } = REPORT_SCHEMA.pick({ memory: true, throughput: true }).safeParse(report).data ?? {};
  return { memory: memory ?? null, throughput: throughput ?? null };
}

/**
 * Takes a report or a saved analysis as one side of a comparison.
 *
 * @param value what the file holds, as JSON.
 * @throws BadInputError where it is neither, where a figure is missing, or of a run that failed before there were any.
 */
export function sideOfJson(path: string, value: unknown, roles: KernelRoles): ReadSide {
  const schema = isMapping(value) ? value['schema'] : undefined;
  if (schema === 'epemu-report/1') return readReport(path, value, roles);
  if (schema === 'epemu-analysis/1') return readAnalysis(path, value);
  const what =
    typeof schema === 'string' ? `has the schema ${schema}` : 'is neither a trace nor a report nor a saved analysis';
  throw new BadInputError(
    path,
    `${path} ${what}; name a trace, a run's folder, a report.json (epemu-report/1) or what analyze --json printed (epemu-analysis/1)`,
  );
}
