import { throughputOf } from '@epemu/outputs';
import { InvariantError } from '@epemu/core';
import {
  calibrationRows,
  collectiveCases,
  collectiveRows,
  isMiss,
  kernelComparisons,
  kernelRows,
  publishedConfiguration,
  publishedData,
  rowIds,
  siliconSummary,
} from '@epemu/published';
import type { CalibrationRow, FigureGroup, PublishedFigure, SiliconComparison, SiliconSummary } from '@epemu/published';
import { runCollective } from './collective.js';
import { figuresOf } from './figures-of.js';
import { RunTimer } from './in-memory.js';
import { collectiveComparisons } from './silicon-collectives.js';

/** A group of published figures. */
export interface ValidationGroup extends FigureGroup {
  /** Each that is emulated beside the emulated one. */
  readonly rows: readonly CalibrationRow[];
  /** Those that are not. */
  readonly context: readonly PublishedFigure[];
}

/** All published figures that there are, emulated under their conditions. */
export interface Validation {
  readonly groups: readonly ValidationGroup[];
  /** Rows outside their tolerance. */
  readonly misses: readonly CalibrationRow[];
  /** Times measured on silicon, by the thousand: how far the emulated ones are off. */
  readonly silicon: SiliconSummary;
}

/**
 * Where rows measured on silicon come from, each with its name for progress.
 * @param all every row, not a fixed sample.
 */
const SILICON: readonly {
  readonly name: string;
  readonly rows: (all: boolean, timer: RunTimer) => Promise<readonly SiliconComparison[]>;
}[] = [
  { name: 'kernels measured on silicon', rows: (all) => Promise.resolve(kernelComparisons(all)) },
  { name: 'collectives measured on silicon', rows: collectiveComparisons },
];

/** One run, or one collective, that figures are taken from. */
interface Step {
  readonly name: string;
  rows(): Promise<readonly CalibrationRow[]>;
}

/** A run under published conditions, over live ranks in this process, whose tokens nobody moves: the same events. */
async function rowsOfRun(name: string, timer: RunTimer): Promise<CalibrationRow[]> {
  const configuration = publishedConfiguration(name);
  const figures = figuresOf(await timer.time(configuration));
  return calibrationRows(configuration, { figures, throughput: throughputOf(configuration, figures) });
}

function steps(timer: RunTimer): Step[] {
  const runs = Object.keys(publishedData().runs).map((name) => ({ name, rows: () => rowsOfRun(name, timer) }));
  const collectives = collectiveCases().map((options) => ({
    name: `${options.mode} collectives, EP${options.ranks}, ${options.era}`,
    rows: async () => collectiveRows(options, await runCollective(options, timer)),
  }));
  const kernels = { name: 'kernels alone', rows: () => Promise.resolve(kernelRows()) };
  return [...runs, ...collectives, kernels];
}

/** What is asked of a validation. */
export interface ValidationOptions {
  /** Every row measured on silicon, not a fixed sample of them. */
  readonly all?: boolean;
  /** Told what comes next, and the share that is done, 0 to 1. */
  readonly onStep?: (name: string, share: number) => void;
}

/**
 * Emulates everything that published figures are of, one after the other in this process, and compares.
 * @throws InvariantError when a figure was not emulated.
 */
export async function validate({ all = false, onStep }: ValidationOptions = {}): Promise<Validation> {
  const timer = new RunTimer();
  const published = steps(timer);
  const count = published.length + SILICON.length;
  const rows = new Map<string, CalibrationRow>();
  for (const [index, step] of published.entries()) {
    onStep?.(step.name, index / count);
    for (const row of await step.rows()) rows.set(row.id, row);
  }
  const measured: SiliconComparison[] = [];
  for (const [index, { name, rows: rowsOf }] of SILICON.entries()) {
    onStep?.(name, (published.length + index) / count);
    measured.push(...(await rowsOf(all, timer)));
  }
  const ordered = rowIds().map((id) => {
    const row = rows.get(id);
    if (row === undefined) throw new InvariantError(`no run has the published figure ${id}`);
    return row;
  });
  const { groups, figures } = publishedData();
  return {
    groups: groups.map((group) => ({
      ...group,
      rows: ordered.filter((row) => row.group === group.name),
      context: figures.filter(({ use, group: of }) => use === 'context' && of === group.name),
    })),
    misses: ordered.filter(isMiss),
    silicon: siliconSummary(measured),
  };
}

/** @returns the verdict in one sentence. */
export function verdictOf({ groups, misses }: Validation): string {
  const rows = groups.flatMap((group) => group.rows);
  const bound = rows.filter(({ tolerance }) => tolerance !== undefined);
  const heldOut = (of: readonly CalibrationRow[]): number => of.filter(({ use }) => use === 'held-out').length;
  const within = bound.filter((row) => !isMiss(row));
  const missing = misses.length === 0 ? '' : `; outside: ${misses.map(({ id }) => id).join(', ')}`;
  return (
    `${within.length} of ${bound.length} figures with a tolerance are within it, ` +
    `${heldOut(within)} of ${heldOut(bound)} of those held out${missing}.`
  );
}
