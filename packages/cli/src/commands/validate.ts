import { writeFileSync } from 'node:fs';
import { BadInputError, EXIT_CODE, messageOf, touchFile } from '@epemu/core';
import { validate, validationMarkdown, verdictOf } from '@epemu/experiments';
import type { Validation, ValidationGroup } from '@epemu/experiments';
import { rowsTable, siliconErrorsTable, siliconWorstTable } from '@epemu/published';
import type { SiliconSummary } from '@epemu/published';
import type { Command } from 'commander';
import { plainTable } from '../plain-table.js';

interface ValidateFlags {
  readonly json?: boolean;
  readonly out?: string;
  readonly all?: boolean;
}

function groupText({ title, split, rows }: ValidationGroup): string {
  const { head, cells, right } = rowsTable(rows);
  return `${title}\n${split}\n\n${plainTable(head, cells, right)}\n`;
}

function siliconText(silicon: SiliconSummary): string {
  const tables = [siliconErrorsTable(silicon), siliconWorstTable(silicon)];
  const [errors, worst] = tables.map(({ head, cells, right }) => plainTable(head, cells, right));
  return `Measured on silicon\n\n${errors}\n\nFurthest off:\n\n${worst}\n`;
}

/** The text of `epemu validate`. */
function validationText(validation: Validation): string {
  const compared = validation.groups.filter(({ rows }) => rows.length > 0);
  return `${[...compared.map(groupText), siliconText(validation.silicon)].join('\n')}\n${verdictOf(validation)}\n`;
}

/** Does something to the file of `--out`. @throws BadInputError where it cannot be written. */
function writing(file: string, act: () => void): void {
  try {
    act();
  } catch (cause) {
    throw new BadInputError('--out', `--out ${file} cannot be written (${messageOf(cause)}); name another file`, {
      cause,
    });
  }
}

/** Adds `epemu validate`. */
export function addValidateCommand(program: Command): void {
  program
    .command('validate')
    .description('emulate everything that published figures are of and set them side by side; about a minute')
    .option('--json', 'print all figures as JSON')
    .option('--out <file>', 'write them as Markdown, too')
    .option('--all', 'compare every row that was measured on silicon, not a fixed sample of each family')
    .addHelpText(
      'after',
      '\nExample:\n  epemu validate --out validation.md\n\nExits with 1 when a figure misses its tolerance.',
    )
    .action(async (flags: ValidateFlags) => {
      const { out } = flags;
      // A file that cannot be written is told before the minute, not after it; what it holds stays until then.
      if (out !== undefined)
        writing(out, () => {
          touchFile(out);
        });
      const validation = await validate({
        all: flags.all === true,
        onStep: (name, share) => {
          process.stderr.write(`${(100 * share).toFixed(0).padStart(3)} % ${name}\n`);
        },
      });
      if (out !== undefined)
        writing(out, () => {
          writeFileSync(out, validationMarkdown(validation));
        });
      process.stdout.write(
        flags.json === true ? `${JSON.stringify(validation, null, 1)}\n` : validationText(validation),
      );
      if (validation.misses.length > 0) process.exitCode = EXIT_CODE.failure;
    });
}
