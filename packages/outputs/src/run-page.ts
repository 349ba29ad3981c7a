import { memoryParts, memoryTotalText, shownConfiguration } from '@epemu/config';
import type { Configuration } from '@epemu/config';
import { analysisPage, columnsOf, plainRows, timeText } from '@epemu/pages';
import type { PageData, PageTable, PipelineChart, SummaryFigure } from '@epemu/pages';
import { rowsTable, worstFirst } from '@epemu/published';
import type { AnalysedRun } from './merge.js';
import { pipelineWords } from './pipeline-words.js';
import type { Report } from './report.js';

/** Published figures beside the emulated ones, the worst first. */
function calibrationTable({ calibration }: Report): PageTable[] {
  if (calibration.length === 0) return [];
  const sorted = worstFirst(calibration);
  const { head, cells, right } = rowsTable(sorted);
  const sources = [...new Set(calibration.map(({ source }) => source))].join('; ');
  return [
    {
      id: 'calibration',
      title: 'Published figures',
      note: `Emulated figures beside those published in ${sources}.`,
      columns: head.map((label, column) => ({ label, align: right.includes(column) ? 'right' : 'left' })),
      rows: cells.map((row, index) => ({ cells: row, flagged: sorted[index].withinTolerance === false })),
    },
  ];
}

function imbalanceTable({ imbalance }: Report): PageTable[] {
  if (imbalance.length === 0) return [];
  const placed = imbalance.some(({ withoutEplb }) => withoutEplb !== undefined);
  return [
    {
      id: 'imbalance',
      title: 'Imbalance of routing',
      note: 'Rows of the fullest node, rank (GPU) and expert over the mean, mean over a layer’s dispatches; ranks without rows in one.',
      columns: columnsOf([
        '>layer',
        '>fullest node',
        '>fullest rank',
        '>fullest expert',
        '>Gini of ranks',
        ...(placed ? ['>fullest rank without EPLB', '>fullest expert without'] : []),
        'empty ranks',
      ]),
      rows: plainRows(
        imbalance.map(
          ({ layer, nodeMaxOverMean, rankMaxOverMean, expertMaxOverMean, gini, emptyRanks, withoutEplb }) => {
            const before =
              withoutEplb === undefined ? [] : [withoutEplb.rankMaxOverMean, withoutEplb.expertMaxOverMean];
            const figures = [nodeMaxOverMean, rankMaxOverMean, expertMaxOverMean, gini, ...before];
            return [String(layer), ...figures.map((value) => value.toFixed(3)), emptyRanks.join(', ')];
          },
        ),
      ),
    },
  ];
}

/** A picture of more cells says less than their figures, and takes megabytes. */
const MOST_CELLS_DRAWN = 6000;

function pipelineChart({ pipeline }: Report): { readonly pipeline?: PipelineChart } {
  if (pipeline === undefined) return {};
  const { ranks, stepUs } = pipeline;
  if (ranks.reduce((sum, { cells }) => sum + cells.length, 0) > MOST_CELLS_DRAWN) return {};
  const rows = ranks.map(({ name, cells }) => ({
    label: name,
    cells: cells.map(({ startUs, endUs, parts }) => ({ start: startUs / 1000, end: endUs / 1000, parts })),
  }));
  return { pipeline: { end: stepUs / 1000, rows } };
}

function pipelineTable({ pipeline }: Report): PageTable[] {
  if (pipeline === undefined) return [];
  const { head, rows, note } = pipelineWords(pipeline);
  const [name, ...others] = head;
  const columns = columnsOf([name, ...others.map((label) => `>${label}`)]);
  return [{ id: 'pipeline', title: 'Pipeline', note, columns, rows: plainRows(rows) }];
}

/** Each step of a run that has several. */
function stepTable({ steps }: Report): PageTable[] {
  if (steps.length < 2) return [];
  return [
    {
      id: 'steps',
      title: 'Steps',
      note: 'From a step’s first kernel to that of the next, the last to the end; mean over ranks.',
      columns: columnsOf(['>step', '>KV length', '>span', '>layer', '>exposed']),
      rows: plainRows(
        steps.map(({ step, kvLength, spanUs, layerUs, exposedCommPct }) => [
          String(step),
          kvLength === undefined ? '' : String(kvLength),
          ...[spanUs, layerUs.mean].map(timeText),
          `${exposedCommPct.toFixed(2)} %`,
        ]),
      ),
    },
  ];
}

function runFigures({ throughput, memory, numerics, host }: Report): SummaryFigure[] {
  const failures = numerics.missing + numerics.duplicated + numerics.wrong;
  return [
    ...(throughput === null
      ? []
      : [
          {
            label: 'throughput',
            value: throughput.tokensPerSecondPerNode.toFixed(0),
            note: `tokens/s/node, step ${throughput.stepMs.toFixed(2)} ms of the whole model`,
          },
        ]),
    {
      label: 'GPU memory',
      value: memoryTotalText(memory).replace(' GB', '\u00a0GB'),
      note: `${memory.fits === false ? 'does not fit; ' : ''}most is ${memoryParts(memory)[0]?.name ?? 'nothing'}`,
    },
    {
      label: 'numerics',
      value: numerics.tokensChecked === 0 ? 'not checked' : failures === 0 ? 'ok' : `${failures} failed`,
      note: `${numerics.tokensChecked} tokens checked, ${numerics.chainsChecked} followed through all layers`,
    },
    {
      label: 'host',
      value: `${host.wallSeconds.toFixed(1)} s`,
      note: host.processes === 1 ? 'one process' : `${host.processes} processes`,
    },
  ];
}

/** Puts a run on a page: its report, and what an analysis of its ranks finds. */
export function runPage(report: Report, configuration: Configuration, run: AnalysedRun | undefined): PageData {
  const { scenario, ranks, nodes, layers, routing, seed, fabric, digest, error, statement, epemuVersion } = report;
  const base = run === undefined ? undefined : analysisPage(run.analysed, run.drawing, epemuVersion);
  const [phases, ...others] = base?.tables ?? [];
  return {
    kind: 'run',
    title: `${scenario}: ${ranks} ranks on ${nodes === 1 ? 'one node' : `${nodes} nodes`}`,
    subtitle: [
      `${layers} layers, ${routing} routing, seed ${seed}, ${fabric} fabric, digest ${digest ?? 'none: the run is not complete'}`,
      ...report.unequal,
    ].join('; '),
    warnings: [
      ...(error === undefined ? [] : [`This run failed: ${error}`]),
      ...(report.status === 'failed'
        ? ['What it recorded until then is shown; figures of it are not those of the whole run.']
        : []),
    ],
    finding: report.finding ?? '',
    figures: [...(base?.figures ?? []), ...runFigures(report)],
    layers: base?.layers ?? [],
    timeline: base?.timeline ?? null,
    ...pipelineChart(report),
    ranks: base?.ranks ?? [],
    matrix: base?.matrix ?? null,
    tables: [
      ...(phases === undefined ? [] : [phases]),
      ...pipelineTable(report),
      ...stepTable(report),
      ...calibrationTable(report),
      ...others,
      ...imbalanceTable(report),
    ],
    configuration: shownConfiguration(configuration),
    statement,
    epemuVersion,
  };
}
