import { EXIT_CODE } from '@epemu/core';
import { LINT_RULES, lintTrace } from '@epemu/trace';
import type { Command } from 'commander';

/** Adds `epemu trace lint`. */
export function addTraceCommand(program: Command): void {
  program
    .command('trace')
    .description('work on trace files')
    .command('lint')
    .description('check a trace against the rules that Perfetto, HTA and TensorBoard need')
    .argument('<file>', 'a Chrome or PyTorch-profiler trace, plain or gzip')
    .option('--json', 'print the problems as JSON')
    .addHelpText('after', '\nExample:\n  epemu trace lint runs/20260102-030405-decode-a1b2c3/trace.json.gz')
    .action(async (file: string, flags: { json?: boolean }) => {
      const problems = await lintTrace(file);
      if (flags.json === true) process.stdout.write(`${JSON.stringify(problems, null, 1)}\n`);
      else if (problems.length === 0) process.stdout.write(`${file}: ${LINT_RULES.length} rules, no problems\n`);
      else {
        for (const { rule, index, message, reason } of problems) {
          process.stdout.write(`${file}: event ${index}: ${rule}: ${message} (${reason})\n`);
        }
      }
      if (problems.length > 0) process.exitCode = EXIT_CODE.failure;
    });
}
