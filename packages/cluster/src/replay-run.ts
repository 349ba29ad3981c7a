import { statSync } from 'node:fs';
import { join } from 'node:path';
import { BadInputError, EpemuError, messageOf } from '@epemu/core';
import { readOperationsFile } from '@epemu/outputs';
import type { RecordedRun } from '@epemu/outputs';
import { RunDigest, replay } from '@epemu/timeline';

/** Thrown when a replay's digest is not that of the run it replays. */
export class ReplayMismatchError extends EpemuError {}

/** What a replay found. */
export interface ReplayOutcome {
  readonly digest: string;
  readonly recordedDigest: string;
  readonly ranks: number;
  readonly events: number;
  readonly services: number;
}

/**
 * Times a finished run's recorded operations again.
 * @param run the run's folder, or its `operations.bin.gz`.
 * @throws BadInputError when there is no such record or its run did not finish, ReplayMismatchError when the digests differ.
 */
export async function replayRun(run: string): Promise<ReplayOutcome> {
  const isFolder = statSync(run, { throwIfNoEntry: false })?.isDirectory() ?? false;
  const recorded = await readOperationsFile(isFolder ? join(run, 'operations.bin.gz') : run);
  const { digest: recordedDigest } = recorded;
  if (recordedDigest === '') {
    throw new BadInputError(run, `${run} is of a run that did not finish; name the folder of a finished run`);
  }
  let outcome: ReplayOutcome;
  try {
    outcome = replayed(recorded);
  } catch (error) {
    // Whatever replaying stumbles over came from the file.
    const why = error instanceof EpemuError ? messageOf(error) : 'they refer to what is not in it';
    const message = `${run} is damaged: its operations cannot be timed (${why}); repeat the run`;
    throw new BadInputError(run, message, { cause: error });
  }
  if (outcome.digest !== recordedDigest) {
    const both = `the replay's digest is ${outcome.digest}, the run's is ${recordedDigest}`;
    throw new ReplayMismatchError(`${both}; repeat the run, and report it where they differ again`);
  }
  return outcome;
}

function replayed({ configuration, program, records, digest: recordedDigest }: RecordedRun): ReplayOutcome {
  const digest = new RunDigest(program);
  let events = 0;
  let services = 0;
  replay(configuration, program, records).forEach((timeline, rank) => {
    digest.add(timeline, records[rank].expertHashes);
    events += timeline.events.count;
    services += timeline.services.count;
  });
  return { digest: digest.finish(), recordedDigest, ranks: records.length, events, services };
}
