// Writes what follows from the catalogue of metrics: the Grafana dashboard and the table in docs/metrics.md.
import { readFileSync, writeFileSync } from 'node:fs';
import { dashboard, metricsTable } from '../packages/metrics/dist/index.js';

const DOCS = 'docs/metrics.md';
const MARKED = /(<!-- catalogue -->\n)[\s\S]*?(<!-- \/catalogue -->)/;

writeFileSync('docker/grafana/provisioning/dashboards/epemu.json', `${JSON.stringify(dashboard(), null, 2)}\n`);
writeFileSync(
  DOCS,
  readFileSync(DOCS, 'utf8').replace(MARKED, (_, before, after) => `${before}\n${metricsTable()}\n\n${after}`),
);
