import { replayRun } from '@epemu/cluster';
import type { Command } from 'commander';

/** Adds `epemu replay`. */
export function addReplayCommand(program: Command): void {
  program
    .command('replay')
    .description("time a finished run's recorded operations again, in one process, and compare the digests")
    .argument('<run>', "a run's folder, or its operations.bin.gz")
    .option('--json', 'print the outcome as JSON')
    .addHelpText('after', '\nExample:\n  epemu replay runs/20260102-030405-decode-a1b2c3')
    .action(async (run: string, flags: { json?: boolean }) => {
      const outcome = await replayRun(run);
      process.stdout.write(
        flags.json === true
          ? `${JSON.stringify(outcome, null, 1)}\n`
          : `replayed ${outcome.ranks} ranks: ${outcome.events} events, ${outcome.services} port services\n` +
              `digest ${outcome.digest} is that of the run\n`,
      );
    });
}
