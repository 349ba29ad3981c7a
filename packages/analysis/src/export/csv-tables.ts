import { microseconds } from '@epemu/core';
import type { AnalysedSet } from '../analysis.js';
import { phaseTimes } from '../figures/phase-times.js';
import type { PhaseTime } from '../figures/phase-times.js';

/** What a cell holds; nothing where it is not known or does not apply. */
type Cell = string | number | boolean | null | undefined;

/** A table by its file's name. Columns that end in `_us` are µs, in `_pct` percent. */
export interface CsvTable {
  readonly name: string;
  readonly columns: readonly string[];
  readonly rows: Iterable<readonly Cell[]>;
}

function* phaseRows({ set }: AnalysedSet): Generator<readonly Cell[]> {
  for (const view of set.ranks) {
    const times: PhaseTime[] = [...phaseTimes(view)].sort((a, b) => a.startNs - b.startNs);
    for (const { phase, layer, stream, startNs, endNs, busyNs, exposedNs } of times) {
      const us = [startNs, endNs, endNs - startNs, busyNs, exposedNs].map(microseconds);
      yield [view.rank, phase, layer, stream?.id, ...us];
    }
  }
}

function* kernelRows({ set }: AnalysedSet): Generator<readonly Cell[]> {
  for (const view of set.ranks) {
    const { rank, kernels, streams, instances } = view.content;
    const { startNs, endNs, launchNs } = kernels;
    for (let row = 0; row < kernels.count; row++) {
      const { name, class: kernelClass, category } = view.identity(row);
      const us = [startNs[row], endNs[row], endNs[row] - startNs[row]].map(microseconds);
      const launchUs = Number.isNaN(launchNs[row]) ? undefined : microseconds(launchNs[row]);
      const [stream, phase] = [streams[kernels.stream[row]].id, instances[kernels.instance[row]]?.phase];
      yield [rank, stream, phase, name, kernelClass, category, ...us, launchUs];
    }
  }
}

function* rankRows({ analysis: { ranksSummary, stragglers } }: AnalysedSet): Generator<readonly Cell[]> {
  const late = new Map(stragglers.map((figure) => [figure.rank, figure]));
  for (const figure of ranksSummary) {
    const { rank, spanUs, computeBusyPct, commBusyPct, overlapPct, exposedCommUs, exposedCommPct, idlePct } = figure;
    const { computeUs, computeOverMedianPct, timesLast, timesLastPct, meanLateUs, straggler } = late.get(rank) ?? {};
    const own = [rank, spanUs, computeBusyPct, commBusyPct, overlapPct, exposedCommUs, exposedCommPct, idlePct];
    yield [...own, computeUs, computeOverMedianPct, timesLast, timesLastPct, meanLateUs, straggler];
  }
}

const SPAN = ['start_us', 'end_us'] as const;

/** @returns the tables of an analysis; rows are made as they are asked for. */
export function csvTables(analysed: AnalysedSet): CsvTable[] {
  const { phases, kernelNames, collectives } = analysed.analysis;
  return [
    {
      name: 'phases.csv',
      columns: ['rank', 'phase', 'layer', 'stream', ...SPAN, 'wall_us', 'busy_us', 'exposed_us'],
      rows: phaseRows(analysed),
    },
    {
      name: 'kernels.csv',
      columns: ['rank', 'stream', 'phase', 'name', 'class', 'category', ...SPAN, 'duration_us', 'launch_us'],
      rows: kernelRows(analysed),
    },
    {
      name: 'phase-summary.csv',
      columns: ['phase', 'stream', 'kind', 'count', 'mean_us', 'min_us', 'max_us', 'busy_us', 'exposed_us'],
      rows: phases.map(({ name, stream, kind, count, meanUs, minUs, maxUs, busyUs, exposedUs }) => {
        return [name, stream, kind, count, meanUs, minUs, maxUs, busyUs, exposedUs];
      }),
    },
    {
      name: 'kernel-summary.csv',
      columns: ['name', 'class', 'category', 'count', 'total_us', 'mean_us', 'min_us', 'max_us', 'share_pct'],
      rows: kernelNames.map(
        ({ name, class: kernelClass, category, count, totalUs, meanUs, minUs, maxUs, sharePct }) => {
          return [name, kernelClass, category, count, totalUs, meanUs, minUs, maxUs, sharePct];
        },
      ),
    },
    {
      name: 'collectives.csv',
      columns: [
        ...['index', 'phase', 'layer', 'start_us', 'first_rank', 'last_rank'],
        ...['skew_us', 'late_us', 'mean_wait_us'],
      ],
      rows: collectives.map(({ index, phase, layer, startUs, firstRank, lastRank, skewUs, lateUs, meanWaitUs }) => {
        return [index, phase, layer, startUs, firstRank, lastRank, skewUs, lateUs, meanWaitUs];
      }),
    },
    {
      name: 'ranks.csv',
      columns: [
        ...['rank', 'span_us', 'compute_busy_pct', 'comm_busy_pct', 'overlap_pct'],
        ...['exposed_comm_us', 'exposed_comm_pct', 'idle_pct'],
        ...['compute_us', 'compute_over_median_pct', 'times_last', 'times_last_pct', 'mean_late_us', 'straggler'],
      ],
      rows: rankRows(analysed),
    },
  ];
}
