import { METRICS } from './catalogue.js';
import type { MetricFamily } from './catalogue.js';

/** @returns the catalogue as a table in Markdown, columns padded as prettier does it. */
export function metricsTable(): string {
  const families: readonly MetricFamily[] = Object.values(METRICS);
  const rows = [
    ['metric', 'type', 'labels', 'served by', 'meaning'],
    ...families.map(({ name, type, labels, from, help }) => [
      `\`${name}\``,
      type,
      labels.map((label) => `\`${label}\``).join(', '),
      from.map((source) => (source === 'report' ? '`metrics.prom`' : source)).join(', '),
      help.replace(/\.$/, ''),
    ]),
  ];
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, column) => cell + ' '.repeat(widths[column] - cell.length)).join(' | ')} |`;
  return [
    line(rows[0]),
    `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`,
    ...rows.slice(1).map(line),
  ].join('\n');
}
