import { Gauge, Registry } from 'prom-client';
import type { Report } from './report.js';

/** Writes a finished run's figures in Prometheus' text form: base units, virtual and host time told apart by name. */
export async function metricsText(report: Report): Promise<string> {
  const registry = new Registry();
  const gauge = (name: string, help: string, labelNames: string[] = []): Gauge => {
    const made = new Gauge({ name, help, labelNames, registers: [] });
    registry.registerMetric(made);
    return made;
  };
  const { scenario, ranks, layers, routing, fabric, epemuVersion } = report;
  gauge('epemu_run_info', 'What was run; always 1.', ['scenario', 'routing', 'fabric', 'version']).set(
    { scenario, routing, fabric, version: epemuVersion },
    1,
  );
  gauge('epemu_run_ranks', 'Ranks of the run.').set(ranks);
  gauge('epemu_run_layers', 'Layers of the run.').set(layers);
  gauge('epemu_run_success', '1 when the run ended well, else 0.').set(report.status === 'ok' ? 1 : 0);
  if (report.timeline !== null) {
    const { timeline } = report;
    gauge('epemu_virtual_span_seconds', 'Virtual time from the first event to the last.').set(timeline.spanUs / 1e6);
    gauge('epemu_virtual_exposed_communication_seconds', 'Communication with no compute running, mean over ranks.').set(
      timeline.exposedCommUs / 1e6,
    );
    gauge('epemu_virtual_overlap_ratio', 'Share of communication under compute, mean over ranks.').set(
      timeline.overlapPct / 100,
    );
  }
  const phase = gauge('epemu_virtual_phase_seconds', 'Mean wall time of a phase in virtual time.', ['phase']);
  for (const { name, meanUs } of report.phases) phase.set({ phase: name }, meanUs / 1e6);
  const rows = gauge('epemu_rank_expert_rows', 'Rows that a rank’s experts received in the run.', ['rank']);
  const tokens = gauge('epemu_rank_received_tokens', 'Tokens that a rank received in the run.', ['rank']);
  for (const { rank, expertRows, receivedTokens } of report.ranksSummary) {
    rows.set({ rank }, expertRows);
    tokens.set({ rank }, receivedTokens);
  }
  const bytes = gauge('epemu_virtual_traffic_bytes', 'Modelled bytes over all out-ports.', ['link']);
  bytes.set({ link: 'rdma' }, report.traffic.rdmaBytes);
  bytes.set({ link: 'nvlink' }, report.traffic.nvlinkBytes);
  gauge('epemu_host_wire_bytes', 'Bytes that really went over sockets.').set(report.traffic.wireBytes);
  gauge('epemu_host_wall_seconds', 'Host time of the whole run.').set(report.host.wallSeconds);
  gauge('epemu_host_peak_rss_bytes', 'Largest resident set of a process of the run.').set(report.host.peakRssBytes);
  gauge('epemu_numerics_tokens_checked', 'Tokens compared with the reference.').set(report.numerics.tokensChecked);
  gauge('epemu_numerics_failures', 'Missing, duplicated or wrong tokens.').set(
    report.numerics.missing + report.numerics.duplicated + report.numerics.wrong,
  );
  return registry.metrics();
}
