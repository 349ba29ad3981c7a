import { EPEMU_VERSION } from '@epemu/core';
import { Exposition, RUN_STATES, metricsFrom } from '@epemu/metrics';
import type { LabelsOf } from '@epemu/metrics';
import type { Report } from './report.js';

/** Shows what a run came to, over all ranks. */
export function showReport(report: Report, exposition: Exposition): void {
  const { timeline, throughput, traffic, numerics, host } = report;
  exposition.set('stageTime', { stage: 'startup' }, host.startupSeconds);
  exposition.set('stageTime', { stage: 'emulate' }, host.emulateSeconds);
  exposition.set('stageTime', { stage: 'merge' }, host.mergeSeconds);
  // What ranks left behind that did not come to their end is no figure of the run.
  if (timeline !== null) {
    exposition.set('runSpan', {}, timeline.spanUs / 1e6);
    exposition.set('runExposed', {}, timeline.exposedCommUs / 1e6);
    exposition.set('runOverlap', {}, timeline.overlapPct / 100);
  }
  for (const { name, kind, meanUs } of report.phases) {
    // A background transfer may have the name of a phase.
    exposition.set('phaseMean', { phase: kind === 'network' ? `${name} (network)` : name }, meanUs / 1e6);
  }
  for (const what of report.unequal) exposition.set('unequal', { what }, 1);
  for (const { layer, nodeMaxOverMean, rankMaxOverMean, expertMaxOverMean, withoutEplb } of report.imbalance) {
    exposition.set('imbalance', { layer, of: 'node' }, nodeMaxOverMean);
    exposition.set('imbalance', { layer, of: 'rank' }, rankMaxOverMean);
    exposition.set('imbalance', { layer, of: 'expert' }, expertMaxOverMean);
    if (withoutEplb === undefined) continue;
    exposition.set('imbalanceWithoutEplb', { layer, of: 'node' }, withoutEplb.nodeMaxOverMean);
    exposition.set('imbalanceWithoutEplb', { layer, of: 'rank' }, withoutEplb.rankMaxOverMean);
    exposition.set('imbalanceWithoutEplb', { layer, of: 'expert' }, withoutEplb.expertMaxOverMean);
  }
  if (throughput !== null) {
    exposition.set('throughput', { per: 'gpu' }, throughput.tokensPerSecondPerGpu);
    exposition.set('throughput', { per: 'node' }, throughput.tokensPerSecondPerNode);
  }
  for (const { link, bytes } of traffic.links) exposition.set('runLinkBytes', { link }, bytes);
  exposition.set('checkedTokens', {}, numerics.tokensChecked);
  for (const kind of ['missing', 'duplicated', 'wrong'] as const) {
    exposition.set('failedTokens', { kind }, numerics[kind]);
  }
}

/**
 * @param nodeSize ranks of a node.
 * @returns a finished run's figures in Prometheus' text form, those of its ranks too: `metrics.prom`.
 */
export async function metricsText(report: Report, run: LabelsOf<'runInfo'>, nodeSize: number): Promise<string> {
  const exposition = await Exposition.open(metricsFrom('report'));
  exposition.set('buildInfo', { version: EPEMU_VERSION, nodejs: process.version }, 1);
  exposition.set('runInfo', run, 1);
  const ended = report.status === 'ok' ? 'succeeded' : 'failed';
  for (const state of RUN_STATES) exposition.set('runState', { state }, state === ended ? 1 : 0);
  exposition.set('runRanks', { state: 'wanted' }, report.ranks);
  exposition.set('runLayers', {}, report.layers);
  showReport(report, exposition);
  for (const { rank, spanUs, expertRows, receivedTokens } of report.ranksSummary) {
    const labels = { rank, node: Math.floor(rank / nodeSize) };
    exposition.set('rankSpan', labels, spanUs / 1e6);
    exposition.set('receivedTokens', labels, receivedTokens);
    exposition.set('expertRows', labels, expertRows);
  }
  exposition.set('runWireBytes', {}, report.traffic.wireBytes);
  exposition.set('runTime', {}, report.host.wallSeconds);
  exposition.set('runMemory', {}, report.host.peakRssBytes);
  return exposition.text();
}
