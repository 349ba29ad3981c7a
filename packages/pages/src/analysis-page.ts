import type { AnalysedRanks, Analysis } from '@epemu/analysis';
import { findingText } from './analysis-finding.js';
import { analysisTables } from './analysis-tables.js';
import type { ByteMatrix, PageData, RankBars, SummaryFigure } from './page-data.js';
import { steadyLayer } from './layer/steady-layer.js';
import type { RanksDrawing } from './timeline-data.js';
import { formatBytes, percentText, timeText } from './units.js';

/** What is analysed, in a few words: `decode, 128 ranks`, `1 rank of 64`. */
export function titleOf({ scenario, ranks, worldSize }: Pick<Analysis, 'scenario' | 'ranks' | 'worldSize'>): string {
  const of = worldSize === null || worldSize === ranks ? '' : ` of ${worldSize}`;
  return `${scenario ?? 'captured trace'}: ${ranks} ${ranks === 1 ? 'rank' : 'ranks'}${of}`;
}

/** The figures that everyone asks for first. */
export function analysisFigures({ timeline, steady, ranks, traffic }: Analysis): SummaryFigure[] {
  const beside = (value: (summary: NonNullable<typeof steady>) => string): string =>
    steady === null ? '' : `steady: ${value(steady)}`;
  const mean = ranks === 1 ? '' : ', mean over ranks';
  return [
    { label: 'span', value: timeText(timeline.spanUs), note: 'first start to last end' },
    ...(timeline.layerUs.mean > 0
      ? [
          {
            label: 'layer',
            value: timeText(timeline.layerUs.mean),
            note: `${timeText(timeline.layerUs.min)} to ${timeText(timeline.layerUs.max)}`,
          },
        ]
      : []),
    {
      label: 'overlap',
      value: percentText(timeline.overlapPct),
      note: beside(({ overlapPct }) => percentText(overlapPct)),
    },
    {
      label: 'exposed communication',
      value: timeText(timeline.exposedCommUs),
      note: `${percentText(timeline.exposedCommPct)} of the span${mean}`,
    },
    {
      label: 'computation',
      value: timeText(timeline.computeUs),
      note: `${percentText(timeline.computeBusyPct)} of the span${mean}`,
    },
    {
      label: 'communication',
      value: timeText(timeline.commUs),
      note: `its stream is busy ${percentText(timeline.commBusyPct)}`,
    },
    { label: 'idle', value: percentText(timeline.idlePct), note: timeText(timeline.idleUs) },
    {
      label: 'overlap gain',
      value: timeline.overlapGain.toFixed(3),
      note: 'all phases one after the other, over the span',
    },
    ...(traffic === null
      ? []
      : [
          {
            label: 'bytes between ranks',
            value: formatBytes(traffic.rdmaBytes + traffic.nvlinkBytes + traffic.otherBytes),
            note:
              traffic.otherBytes > 0
                ? 'link not known'
                : `${formatBytes(traffic.rdmaBytes)} RDMA, ${formatBytes(traffic.nvlinkBytes)} NVLink`,
          },
        ]),
  ];
}

/** @returns bars of each rank. */
export function rankBars({ ranksSummary }: Analysis, prefix = ''): RankBars[] {
  return ranksSummary.map((rank) => ({
    rank: `${prefix}${rank.rank}`,
    overlapPct: rank.overlapPct,
    computeBusyPct: rank.computeBusyPct,
    commBusyPct: rank.commBusyPct,
    exposedPct: rank.exposedCommPct,
    idlePct: rank.idlePct,
  }));
}

/** @returns the byte matrix as a heat map takes it. */
export function byteMatrix({ traffic }: Analysis): ByteMatrix | null {
  if (traffic === null) return null;
  const { ranks, nodeSize, bytes } = traffic;
  return { ranks, nodeSize, bytes };
}

/** Puts an analysis on a page. @param drawing of the same ranks. */
export function analysisPage(analysed: AnalysedRanks, drawing: RanksDrawing, epemuVersion: string): PageData {
  const { analysis, set } = analysed;
  const { files } = analysis;
  const layer = drawing.first === undefined ? null : steadyLayer(analysed, drawing.first);
  const ranks = analysis.ranksSummary.map(({ rank }) => rank);
  return {
    kind: 'analysis',
    title: titleOf(analysis),
    subtitle: files.length <= 2 ? files.join(', ') : `${files[0]} and ${files.length - 1} more files`,
    warnings: [
      ...(analysis.partial ? ['This analysis is partial: something of the input is missing in it.'] : []),
      ...analysis.problems.map(({ message }) => message),
    ],
    finding: findingText(analysis),
    figures: analysisFigures(analysis),
    layers: layer === null ? [] : [layer],
    timeline: drawing.timeline(analysed, ranks),
    // Of one rank the figures above say the same.
    ranks: analysis.ranks === 1 ? [] : rankBars(analysis),
    matrix: byteMatrix(analysis),
    tables: analysisTables(analysis),
    configuration: set.facts.configuration ?? null,
    statement: set.facts.statement ?? null,
    epemuVersion,
  };
}
