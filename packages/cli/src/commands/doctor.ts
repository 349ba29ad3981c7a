import { EXIT_CODE } from '@epemu/core';
import { plainText } from '@epemu/pages';
import type { Command } from 'commander';
import { diagnose, diagnosisText } from '../doctor/doctor.js';

/** Adds `epemu doctor`. */
export function addDoctorCommand(program: Command): void {
  program
    .command('doctor')
    .description('tell what this machine can run: what it has, what was tried, and what to do about what is missing')
    .option('--json', 'print everything as JSON')
    .addHelpText(
      'after',
      `
Nothing is assumed: limits are read, and the kernel, a WebSocket and the folder for runs are really tried. A warning costs
speed or comfort. Exit code 0 when the default run (epemu run) works here, 1 otherwise.

Examples:
  epemu doctor
  epemu doctor --json | jq '.checks[] | select(.status != "ok")'`,
    )
    .action(async ({ json }: { json?: boolean }) => {
      const diagnosis = await diagnose();
      process.stdout.write(
        json === true
          ? `${JSON.stringify(diagnosis, null, 1)}\n`
          : diagnosisText(diagnosis).split('\n').map(plainText).join('\n'),
      );
      if (!diagnosis.ok) process.exitCode = EXIT_CODE.failure;
    });
}
