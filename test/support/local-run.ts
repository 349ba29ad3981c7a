import type { Configuration } from '@epemu/config';
import { runInMemory } from '@epemu/experiments';
import type { InMemoryRun } from '@epemu/experiments';
import type { Fabric } from '@epemu/fabric';
import type { Program } from '@epemu/schedule';
import { RunDigest, replay } from '@epemu/timeline';
import type { HeaderDelay, RankRecord, RankTimeline } from '@epemu/timeline';

/** What the ranks of a run in this process handed over. */
export interface LocalRun extends InMemoryRun {
  readonly digest: string;
}

/** @returns the digest of timelines and the expert hashes that belong to them. */
export function digestOf(program: Program, timelines: readonly RankTimeline[], records: readonly RankRecord[]): string {
  const digest = new RunDigest(program);
  timelines.forEach((timeline, rank) => {
    digest.add(timeline, records[rank].expertHashes);
  });
  return digest.finish();
}

/** @returns the digest that replay gives for a run's recorded operations. */
export function replayedDigest(run: LocalRun, delays: readonly HeaderDelay[] = []): string {
  const { configuration, program, records } = run;
  return digestOf(program, replay(configuration, program, records, delays), records);
}

/** Runs all ranks in this process, over the memory fabric or what `decorate` makes of it. */
export async function runLocally(
  configuration: Configuration,
  decorate?: (fabric: Fabric) => Fabric,
): Promise<LocalRun> {
  const run = await runInMemory(configuration, decorate);
  return { ...run, digest: digestOf(run.program, run.timelines, run.records) };
}
