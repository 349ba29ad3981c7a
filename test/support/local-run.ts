import { ComputePool } from '@epemu/compute';
import type { Configuration } from '@epemu/config';
import { MemoryFabric } from '@epemu/fabric';
import type { Fabric } from '@epemu/fabric';
import { Rank } from '@epemu/rank';
import type { NumericsTotals } from '@epemu/rank';
import { buildProgram } from '@epemu/schedule';
import type { Program } from '@epemu/schedule';
import { RunDigest, replay } from '@epemu/timeline';
import type { HeaderDelay, RankOperations, RankTimeline } from '@epemu/timeline';

/** What the ranks of a run in this process handed over. */
export interface LocalRun {
  readonly configuration: Configuration;
  readonly program: Program;
  readonly timelines: readonly RankTimeline[];
  readonly records: readonly RankOperations[];
  readonly numerics: readonly NumericsTotals[];
  readonly digest: string;
}

/** @returns the digest of timelines and the expert hashes that belong to them. */
export function digestOf(
  program: Program,
  timelines: readonly RankTimeline[],
  records: readonly RankOperations[],
): string {
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
  decorate: (fabric: Fabric) => Fabric = (fabric) => fabric,
): Promise<LocalRun> {
  const program = buildProgram(configuration);
  const fabric = decorate(new MemoryFabric());
  const pool = new ComputePool({ threads: configuration.threads, hidden: configuration.payload.hidden });
  const observer = { onOperation: () => undefined, onTask: () => undefined };
  const ranks = Array.from(
    { length: configuration.ranks },
    (_, rank) => new Rank({ rank, configuration, program, fabric, pool, observer }),
  );
  try {
    const results = await Promise.all(
      ranks.map(async (rank) => {
        try {
          return await rank.run();
        } catch (error) {
          for (const other of ranks) other.abort(error);
          throw error;
        }
      }),
    );
    const timelines = results.map(({ timeline }) => timeline);
    const records = results.map(({ operations }) => operations);
    const numerics = results.map((result) => result.numerics);
    return { configuration, program, timelines, records, numerics, digest: digestOf(program, timelines, records) };
  } finally {
    await fabric.close();
    await pool.close();
  }
}
