import { ComputePool } from '@epemu/compute';
import type { Configuration } from '@epemu/config';
import { MemoryFabric } from '@epemu/fabric';
import type { Fabric } from '@epemu/fabric';
import { PlannedLayouts, Rank } from '@epemu/rank';
import type { NumericsTotals, SendLayout } from '@epemu/rank';
import { buildProgram } from '@epemu/schedule';
import type { Program } from '@epemu/schedule';
import { canonicalTimeline } from '@epemu/timeline';
import type { RankRecord, RankTimeline } from '@epemu/timeline';

/** Routings whose layouts are kept: points of a sweep ask for few by turns. */
const MOST_ROUTINGS = 4;

/** What the ranks of a run in this process handed over, ascending by rank. */
export interface InMemoryRun {
  readonly configuration: Configuration;
  readonly program: Program;
  readonly timelines: readonly RankTimeline[];
  readonly records: readonly RankRecord[];
  readonly numerics: readonly NumericsTotals[];
}

/** Runs ranks that were made to their end. @throws the first failure of one. */
async function runAll(ranks: readonly Rank[]): Promise<void> {
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
}

/** Ranks in this process, by what each beside its number is made of. */
function ranksOf(
  { configuration, program, fabric, pool }: Omit<ConstructorParameters<typeof Rank>[0], 'rank' | 'observer'>,
  more: (rank: number) => Pick<ConstructorParameters<typeof Rank>[0], 'plannedLayout'> = () => ({}),
): Rank[] {
  const observer = { onOperation: () => undefined, onTask: () => undefined };
  return Array.from(
    { length: configuration.ranks },
    (_, rank) => new Rank({ rank, configuration, program, fabric, pool, observer, ...more(rank) }),
  );
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
  const ranks = ranksOf({ configuration, program, fabric, pool });
  try {
    await runAll(ranks);
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

/** A run that was timed only. */
export type TimedRun = Pick<InMemoryRun, 'configuration' | 'program' | 'timelines'>;

/** A run that was timed only, and where its tokens would have gone. */
export interface LaidOutRun extends TimedRun {
  /** @returns the layout of a rank's dispatch, by the index of its exchange in the program. */
  readonly layoutOf: (rank: number, exchange: number) => SendLayout;
}

/** Times runs whose tokens nobody moves: events are those of a whole run, and what routers decide is kept between runs. */
export class RunTimer {
  readonly #layouts = new PlannedLayouts(MOST_ROUTINGS);

  /** @returns what the ranks did. @throws the first failure of a rank. */
  async time(configuration: Configuration): Promise<LaidOutRun> {
    const program = buildProgram(configuration);
    const fabric = new MemoryFabric();
    const pool = new ComputePool({ threads: 1, hidden: configuration.payload.hidden });
    const layouts = this.#layouts.of(configuration, program);
    const ranks = ranksOf({ configuration, program, fabric, pool }, (rank) => ({ plannedLayout: layouts(rank) }));
    try {
      await runAll(ranks);
      const timelines = ranks.map(({ timeline }) => canonicalTimeline(timeline));
      return { configuration, program, timelines, layoutOf: (rank, exchange) => layouts(rank)({ exchange }) };
    } finally {
      await fabric.close();
      await pool.close();
    }
  }
}
