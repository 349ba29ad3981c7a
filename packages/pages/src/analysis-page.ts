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
  const shown = steady ?? timeline;
  const window = steady === null ? 'whole' : 'steady';
  const beside = (value: (summary: typeof timeline) => string): string =>
    steady === null ? '' : `whole: ${value(timeline)}`;
  const noted = (...notes: string[]): string => notes.filter((note) => note !== '').join('; ');
  const mean = ranks === 1 ? '' : ', mean over ranks';
  return [
    ...(shown.layerUs.mean > 0
      ? [
          {
            label: `layer, ${window}`,
            value: timeText(shown.layerUs.mean),
            note: noted(
              `${timeText(shown.layerUs.min)} to ${timeText(shown.layerUs.max)}`,
              beside(({ layerUs }) => timeText(layerUs.mean)),
            ),
          },
        ]
      : []),
    {
      label: `exposed communication, ${window}`,
      value: percentText(shown.exposedCommPct),
      note: noted(
        `${timeText(shown.exposedCommUs)}${mean}`,
        beside(({ exposedCommPct }) => percentText(exposedCommPct)),
      ),
    },
    {
      label: `overlap, ${window}`,
      value: percentText(shown.overlapPct),
      note: beside(({ overlapPct }) => percentText(overlapPct)),
    },
    {
      label: `idle, ${window}`,
      value: percentText(shown.idlePct),
      note: noted(
        timeText(shown.idleUs),
        beside(({ idlePct }) => percentText(idlePct)),
      ),
    },
    {
      label: `overlap gain, ${window}`,
      value: shown.overlapGain.toFixed(3),
      note: noted(
        'all phases one after the other, over the span',
        beside(({ overlapGain }) => overlapGain.toFixed(3)),
      ),
    },
    {
      label: `computation, ${window}`,
      value: percentText(shown.computeBusyPct),
      note: noted(
        `${timeText(shown.computeUs)}${mean}`,
        beside(({ computeBusyPct }) => percentText(computeBusyPct)),
      ),
    },
    {
      label: `communication, ${window}`,
      value: timeText(shown.commUs),
      note: noted(
        `its stream is busy ${percentText(shown.commBusyPct)}`,
        beside(({ commUs }) => timeText(commUs)),
      ),
    },
    { label: 'span, whole', value: timeText(timeline.spanUs), note: 'first start to last end' },
    ...(traffic === null
      ? []
      : [
          {
            label: 'bytes between ranks, whole',
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
