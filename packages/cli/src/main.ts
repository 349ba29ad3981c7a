import { EPEMU_VERSION, EXIT_CODE, EpemuError, messageOf } from '@epemu/core';
import { plainText } from '@epemu/pages';
import { Command, CommanderError } from 'commander';
import { addAdviseCommand } from './commands/advise.js';
import { addAnalyzeCommand } from './commands/analyze.js';
import { addCalibrateCommand } from './commands/calibrate.js';
import { addCheckCommand } from './commands/check.js';
import { addClusterCommands } from './commands/cluster.js';
import { addCollectiveCommand } from './commands/collective.js';
import { addCompareCommand } from './commands/compare.js';
import { addExportCommand } from './commands/export.js';
import { addKernelCommand } from './commands/kernel.js';
import { addOpenCommand } from './commands/open.js';
import { addCompletionCommand } from './commands/completion.js';
import { addDoctorCommand } from './commands/doctor.js';
import { addPictureCommand } from './commands/picture.js';
import { addPresetsCommand } from './commands/presets.js';
import { addReplayCommand } from './commands/replay.js';
import { addEplbCommand } from './commands/eplb.js';
import { addRoutingCommand } from './commands/routing.js';
import { addRunCommand } from './commands/run.js';
import { addSweepCommands } from './commands/sweep.js';
import { addTraceCommand } from './commands/trace.js';
import { addValidateCommand } from './commands/validate.js';

// Containers pass variables that are empty for those that are not set.
for (const [name, value] of Object.entries(process.env)) {
  if (name.startsWith('EPEMU_') && value === '') Reflect.deleteProperty(process.env, name);
}

const program = new Command('epemu')
  .description(
    'Emulates an expert-parallel (EP) cluster: worker processes act as EP ranks, exchange real tokens over WebSockets\n' +
      'and merge their virtual timelines into one PyTorch-profiler trace.',
  )
  .version(EPEMU_VERSION, '-v, --version', 'print the version')
  .option('--debug', 'print stack traces of failures')
  .showHelpAfterError('(add --help for the options and examples)')
  .exitOverride();

addRunCommand(program);
addAdviseCommand(program);
addSweepCommands(program);
addReplayCommand(program);
addCollectiveCommand(program);
addKernelCommand(program);
addRoutingCommand(program);
addEplbCommand(program);
addAnalyzeCommand(program);
addCompareCommand(program);
addCheckCommand(program);
addPictureCommand(program);
addCalibrateCommand(program);
addOpenCommand(program);
addExportCommand(program);
addPresetsCommand(program);
addDoctorCommand(program);
addCompletionCommand(program);
addClusterCommands(program);
addTraceCommand(program);
addValidateCommand(program);

/** Ends with the documented exit code and one sentence on standard error. */
function fail(error: unknown): void {
  if (error instanceof CommanderError) {
    // Help and version are no failures; everything else that commander refuses is bad input, and it has said so.
    process.exitCode = error.exitCode === 0 ? 0 : EXIT_CODE.badInput;
    return;
  }
  const { debug } = program.opts<{ debug?: boolean }>();
  const text = debug === true && error instanceof Error ? (error.stack ?? error.message) : messageOf(error);
  // What users, files and traces are named must not steer the terminal; a stack trace keeps its lines.
  process.stderr.write(`epemu: ${debug === true ? text : plainText(text)}\n`);
  process.exitCode = error instanceof EpemuError ? error.exitCode : EXIT_CODE.failure;
}

process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  // A reader that went away, as head does, wants no more; a full disk must be told.
  if (error.code === 'EPIPE') return;
  process.stderr.write(`epemu: standard output cannot be written: ${error.message}; free space or write elsewhere\n`);
  process.exitCode = EXIT_CODE.failure;
});
process.stderr.on('error', () => undefined);

program.parseAsync().catch(fail);
