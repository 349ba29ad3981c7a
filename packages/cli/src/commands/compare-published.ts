import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { parseConfiguration, scenarioNames } from '@epemu/config';
import { BadInputError, isMapping } from '@epemu/core';
import { configurationDifferences } from '@epemu/analysis';
import type { ConfigurationDifference } from '@epemu/analysis';
import { plainText } from '@epemu/pages';
import { publishedConfiguration, publishedData, rowsTable, worstFirst } from '@epemu/published';
import type { CalibrationRow } from '@epemu/published';
import { jsonOf } from '../json-input.js';
import { plainTable } from '../plain-table.js';

/** Published figures beside those of a run. */
export interface PublishedComparison {
  readonly schema: 'epemu-published-comparison/1';
  readonly published: string;
  readonly run: string;
  /** The worst first; none where the run is of other conditions. */
  readonly rows: readonly CalibrationRow[];
  /** In what the run differs from what was published: `a` is published. */
  readonly configuration: readonly ConfigurationDifference[];
}

function mappingOf(path: string): Readonly<Record<string, unknown>> {
  const value = existsSync(path) ? jsonOf(path) : undefined;
  if (isMapping(value)) return value;
  throw new BadInputError(path, `${path} is not there or no JSON; name the folder of a run that ended`);
}

/** @returns published figures beside a run's own. @throws BadInputError for a name or a run that there is not. */
export function comparePublished(name: string, run: string): PublishedComparison {
  const names = Object.keys(publishedData().runs);
  if (!names.includes(name)) {
    throw new BadInputError(
      'published',
      `there are no published figures of ${name}; there are those of ${names.join(', ')}`,
    );
  }
  const report = mappingOf(join(run, 'report.json'));
  const configuration = parseConfiguration(mappingOf(join(run, 'config.json')));
  const differences = configurationDifferences(publishedConfiguration(name), configuration);
  // What the report has was compared under the conditions that it ran under.
  const isKind = configuration.scenario === name || !scenarioNames().includes(name);
  const rows = isKind && Array.isArray(report['calibration']) ? (report['calibration'] as CalibrationRow[]) : [];
  return {
    schema: 'epemu-published-comparison/1',
    ...{ published: name, run, rows: worstFirst(rows), configuration: differences },
  };
}

/** The text of a comparison with published figures. */
export function publishedText({ published, run, rows, configuration }: PublishedComparison): string {
  const differs = configuration.map(({ key, a, b }) => [key, a ?? '–', b ?? '–'].map(plainText));
  const { head, cells, right } = rowsTable(rows);
  const sources = [...new Set(rows.map(({ source }) => source))].join('; ');
  const lines = [
    `published  ${published}`,
    `emulated   ${plainText(run)}`,
    '',
    ...(differs.length === 0
      ? []
      : ['Configured differently', '', plainTable(['key', 'published', 'emulated'], differs), '']),
    ...(rows.length === 0
      ? [
          'No published figure was taken under the conditions of this run; one that differs in nothing above has them:',
          `  epemu run ${published} --fabric memory --payload none`,
        ]
      : [plainTable(head, cells, right), `published in ${sources}`]),
  ];
  return `${lines.join('\n')}\n`;
}
