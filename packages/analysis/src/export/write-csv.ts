import { join } from 'node:path';
import { stringify } from 'csv-stringify';
import type { Stringifier } from 'csv-stringify';
import type { AnalysedSet } from '../analysis.js';
import { csvTables } from './csv-tables.js';
import { prepareExportFolder } from './output-folder.js';
import { writeFileFrom } from './write-file.js';
import type { ExportOutcome } from './write-file.js';

/**
 * @returns what makes text of rows: RFC 4180 but for its line ends, which are LF, for what reads lines. Text that a
 * spreadsheet would run as a formula gets an apostrophe before it, as OWASP advises: a trace may be a stranger's.
 */
function csvOf(columns: readonly string[]): Stringifier {
  return stringify({
    header: true,
    columns: [...columns],
    record_delimiter: 'unix',
    escape_formulas: true,
    cast: {
      number: (value, { index }) => (columns[index].endsWith('_us') ? value.toFixed(3) : String(value)),
      boolean: String,
    },
  });
}

/**
 * Writes an analysis as CSV files into a folder that is new or empty.
 *
 * @throws BadInputError where the folder will not do; EpemuError where the disk does not take a file.
 */
export async function writeCsv(analysed: AnalysedSet, out: string): Promise<ExportOutcome> {
  const folder = prepareExportFolder('--csv', out);
  const files: string[] = [];
  for (const { name, columns, rows } of csvTables(analysed)) {
    const path = join(folder, name);
    await writeFileFrom(path, rows, csvOf(columns));
    files.push(path);
  }
  const alone = analysed.set.ranks.length === 1;
  const note =
    'collectives.csv has no rows and ranks.csv no lateness, for the trace of one rank does not tell when others came';
  return { files, notes: alone ? [note] : [] };
}
