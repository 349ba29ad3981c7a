import { ComputePool } from '@epemu/compute';
import type { Configuration } from '@epemu/config';
import { MemoryFabric } from '@epemu/fabric';
import type { Fabric } from '@epemu/fabric';
import { Rank } from '@epemu/rank';
import type { NumericsTotals } from '@epemu/rank';
import { buildProgram } from '@epemu/schedule';
import type { Program } from '@epemu/schedule';
import type { RankRecord, RankTimeline } from '@epemu/timeline';

/** What the ranks of a run in this process handed over, ascending by rank. */
export interface InMemoryRun {
  readonly configuration: Configuration;
  readonly program: Program;
  readonly timelines: readonly RankTimeline[];
  readonly records: readonly RankRecord[];
  readonly numerics: readonly NumericsTotals[];
}

/**
 * Runs all ranks in this process and writes nothing.
 * @param decorate makes another fabric of the memory fabric, for tests.
 * @param program another one than the configuration's, for tests.
 * @throws the first failure of a rank.
 */
export async function runInMemory(
  configuration: Configuration,
  decorate: (fabric: Fabric) => Fabric = (fabric) => fabric,
  program: Program = buildProgram(configuration),
): Promise<InMemoryRun> {
  const fabric = decorate(new MemoryFabric());
  const pool = new ComputePool({ threads: configuration.threads, hidden: configuration.payload.hidden });
  const observer = { onOperation: () => undefined, onTask: () => undefined };
  const ranks = Array.from(
    { length: configuration.ranks },
    (_, rank) => new Rank({ rank, configuration, program, fabric, pool, observer }),
  );
  try {
    await Promise.all(
      ranks.map(async (rank) => {
        try {
          await rank.run();
        } catch (error) {
          for (const other of ranks) other.abort(error);
          throw error;
        }
      }),
    );
    const results = ranks.map((rank) => rank.snapshot());
    return {
      configuration,
      program,
      timelines: results.map(({ timeline }) => timeline),
      records: results.map(({ record }) => record),
      numerics: results.map(({ numerics }) => numerics),
    };
  } finally {
    await fabric.close();
    await pool.close();
  }
}
