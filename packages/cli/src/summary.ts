import { join } from 'node:path';
import { memoryText } from '@epemu/config';
import type { RunOutcome } from '@epemu/cluster';
import { counted } from '@epemu/core';
import { pipelineWords } from '@epemu/outputs';
import type { Report } from '@epemu/outputs';
import { rowsTable, worstFirst } from '@epemu/published';
import { percentText, timeText } from '@epemu/pages';
import { layerPictureText, pictureOptions } from './analysis-text.js';
import type { TextOutput } from './analysis-text.js';
import { runChart } from './pipeline-chart.js';
import { plainTable } from './plain-table.js';

const gigabytes = (bytes: number): string => `${(bytes / 1e9).toFixed(2)} GB`;

function headline(report: Report): string {
  const { scenario, ranks, nodes, layers, routing, fabric, ranksPerWorker } = report;
  const placed = fabric === 'memory' ? 'one process' : `${report.host.processes - 1} workers of ${ranksPerWorker}`;
  return `${scenario}: ${ranks} ranks on ${nodes === 1 ? 'one node' : `${nodes} nodes`}, ${layers} layers, ${routing} routing, ${fabric} fabric (${placed})`;
}

/** Lines that set published figures beside emulated ones, the worst first; none where none applies. */
function calibrationLines({ calibration }: Report): string[] {
  if (calibration.length === 0) return [];
  const { head, cells, right } = rowsTable(worstFirst(calibration));
  const sources = [...new Set(calibration.map(({ source }) => source))].join('; ');
  return [plainTable(head, cells, right), `published in ${sources}`, ''];
}

/** A table of the steps of a run that has several. */
function stepLines({ steps }: Report): string[] {
  if (steps.length < 2) return [];
  const hasKv = steps.some(({ kvLength }) => kvLength !== undefined);
  const head = ['step', ...(hasKv ? ['KV'] : []), 'span', 'layer', 'exposed'];
  const rows = steps.map(({ step, kvLength, spanUs, layerUs, exposedCommPct }) => [
    String(step),
    ...(hasKv ? [String(kvLength)] : []),
    ...[spanUs, layerUs.mean].map(timeText),
    `${exposedCommPct.toFixed(2)} %`,
  ]);
  return [plainTable(head, rows), ''];
}

/** What EPLB evened out; none of a run without it. */
function eplbLines({ eplb }: Report): string[] {
  if (eplb === undefined) return [];
  const { policy, replicas, redundantExperts, rankMaxOverMean, rankMaxOverMeanWithout } = eplb;
  const ratio = (value: number | null): string => (value === null ? 'nothing' : value.toFixed(3));
  const over = `fullest rank ${ratio(rankMaxOverMean)} of the mean, ${ratio(rankMaxOverMeanWithout)} without`;
  return [`EPLB        ${policy}, ${counted(replicas, 'replica')} (${redundantExperts} redundant): ${over}`];
}

/** Who of a pipeline works on what when, and its ranks beside what is published of them. */
function pipelineLines({ pipeline }: Report, output: TextOutput): string[] {
  if (pipeline === undefined) return [];
  const { head, rows, note } = pipelineWords(pipeline);
  const right = head.map((_, column) => column).slice(1);
  return [
    runChart(pipeline, pictureOptions(output)),
    plainTable(
      [...head],
      rows.map((row) => [...row]),
      right,
    ),
    note,
    '',
  ];
}

/** The text that a finished run prints. */
export function summaryText(outcome: RunOutcome, output: TextOutput = {}): string {
  const { report, folder, analysed } = outcome;
  const { timeline, steady, throughput, numerics, traffic, host } = report;
  const lines = [headline(report), ...report.unequal.map((text) => `unequal: ${text}`), ''];
  if (timeline !== null && steady !== null && throughput !== null) {
    const both = (text: (of: NonNullable<Report['timeline']>) => string): string[] => [text(steady), text(timeline)];
    lines.push(
      plainTable(
        // The steady layers come first: what fills and drains is no property of a longer run.
        ['', 'steady layers', 'whole run'],
        [
          ['layer (mean)', ...both(({ layerUs }) => timeText(layerUs.mean))],
          ['exposed communication', ...both(({ exposedCommPct }) => percentText(exposedCommPct))],
          ['overlap', ...both(({ overlapPct }) => percentText(overlapPct))],
          ['idle', ...both(({ idlePct }) => percentText(idlePct))],
          ['overlap gain', ...both(({ overlapGain }) => overlapGain.toFixed(3))],
          ['span', ...both(({ spanUs }) => timeText(spanUs))],
        ],
      ),
      ...(steady.spanUs === timeline.spanUs
        ? ['fewer than 4 layers have no steady ones: all of it is shown twice']
        : []),
      '',
      ...(analysed === undefined ? [] : [layerPictureText(analysed.analysed, analysed.drawing.first, output)]),
      plainTable(
        ['phase, of all layers', 'mean', 'min', 'max', 'exposed'],
        report.phases.map(({ name, meanUs, minUs, maxUs, exposedUs }) => [
          name,
          ...[meanUs, minUs, maxUs, exposedUs].map(timeText),
        ]),
      ),
      '',
      ...pipelineLines(report, output),
      ...stepLines(report),
      ...calibrationLines(report),
      `throughput  ${throughput.tokensPerSecondPerNode.toFixed(0)} tokens/s/node, step ${timeText(throughput.stepMs * 1000)} ` +
        `of the whole model, ${report.pipeline === undefined ? 'from its steady layers' : 'all layers taking as long as these'}; ${throughput.tokensPerSecondPerGpu.toFixed(0)} tokens/s a GPU`,
      `traffic     ${gigabytes(traffic.rdmaBytes)} RDMA, ${gigabytes(traffic.nvlinkBytes)} NVLink modelled; ` +
        `${traffic.wireMessages} messages, ${report.fabric === 'memory' ? 'none' : gigabytes(traffic.wireBytes)} on sockets`,
    );
  }
  lines.push(...eplbLines(report), `GPU memory  ${memoryText(report.memory)}`);
  const failures = numerics.missing + numerics.duplicated + numerics.wrong;
  const verdict = numerics.tokensChecked === 0 ? 'not checked' : failures === 0 ? 'ok' : `${failures} FAILED`;
  lines.push(
    `numerics    ${verdict}: ${numerics.tokensChecked} tokens checked, ${numerics.chainsChecked} followed through all layers, largest relative error ${numerics.maxRelativeError.toExponential(1)}`,
    `host        ${host.wallSeconds.toFixed(1)} s (start ${host.startupSeconds.toFixed(1)}, emulate ${host.emulateSeconds.toFixed(1)}, ` +
      `merge ${host.mergeSeconds.toFixed(1)}), ${host.processes} processes, largest ${(host.peakRssBytes / 1e6).toFixed(0)} MB`,
    `real        ${report.statement.real}`,
    `modelled    ${report.statement.modelled}`,
    `digest      ${report.digest ?? 'none: the run is not complete'}`,
    `trace       ${join(folder, 'trace.json.gz')} (open it at https://ui.perfetto.dev)`,
    `report      ${join(folder, 'report.html')} (open it in a browser)`,
  );
  if (report.finding !== null) lines.push('', report.finding);
  return `${lines.join('\n')}\n`;
}
