import { runScenario } from '@epemu/cluster';
import { resolveConfiguration } from '@epemu/config';
import type { Configuration } from '@epemu/config';
import { PointEmulator } from '@epemu/experiments';
import type { PointFigures } from '@epemu/experiments';
import type { Report } from '@epemu/outputs';

/** What is emulated. */
export interface Scenario {
  /** A built-in scenario (`decode`, `prefill`, `train`, …) or the path of a scenario or configuration file. */
  readonly scenario: string;
  /** Values by configuration key, as in `config.json`: `{ ranks: 8, layers: 4 }`. */
  readonly configuration?: Readonly<Record<string, unknown>>;
  /** Texts `path=value`, as `--set` takes them: `['hardware.ports.rdma.bandwidthGBps=100']`. */
  readonly settings?: readonly string[];
}

/** How a run is carried out. */
export interface RunOptions extends Scenario {
  /** Output folder. @default `runs/<time>-<scenario>-<id>` */
  readonly out?: string;
  /** Allow a folder that holds something. @default false */
  readonly force?: boolean;
  /** Ends the run; its reason is what the run rejects with. */
  readonly signal?: AbortSignal;
  /** Told how far the run is, as a share from 0 to 1, and what it does. */
  readonly onProgress?: (progress: { readonly share: number; readonly stage: string }) => void;
}

/** A run that ended well. */
export interface RunResult {
  /** Where traces, `report.json` and `report.html` are. */
  readonly folder: string;
  /** What `report.json` holds. */
  readonly report: Report;
}

function configurationOf({ scenario, configuration = {}, settings = [] }: Scenario): Configuration {
  return resolveConfiguration({ scenario, flags: configuration, settings });
}

/**
 * Runs a scenario with live ranks and writes its traces and report, as `epemu run` does.
 * @throws BadInputError before anything starts, for a value that cannot be; EpemuError when the run failed, whose folder
 * holds what was finished.
 */
export async function run(options: RunOptions): Promise<RunResult> {
  const { out, force, signal, onProgress } = options;
  const outcome = await runScenario({
    configuration: configurationOf(options),
    ...(out === undefined ? {} : { out }),
    ...(force === undefined ? {} : { force }),
    ...(signal === undefined ? {} : { signal }),
    ...(onProgress === undefined ? {} : { onProgress }),
  });
  if (outcome.error !== undefined) throw outcome.error;
  return { folder: outcome.folder, report: outcome.report };
}

/**
 * Times a scenario in this process and writes nothing: figures are those of {@link run}, tokens are not moved. What a
 * sweep needs.
 * @throws BadInputError for a value that cannot be.
 */
export async function emulate(scenario: Scenario): Promise<PointFigures> {
  return new PointEmulator().emulate(configurationOf(scenario));
}
