import { BadInputError } from '@epemu/core';
import { hostAndPort, parseListenAddress } from '@epemu/http';
import type { ListenAddress } from '@epemu/http';
import { DEFAULT_LINGER_SECONDS, DEFAULT_METRICS_ADDRESS } from '@epemu/metrics';
import { Option } from 'commander';
import type { Command } from 'commander';
import { refuseScenario } from './refuse-scenario.js';

const { host: HOST, port: PORT } = DEFAULT_METRICS_ADDRESS;
const MOST_LINGER_SECONDS = 86_400;

/** Flags about metrics. */
export interface MetricsFlags {
  /** `[host:]port`; empty: none, as an empty variable says. */
  readonly metrics?: string;
  readonly metricsLinger?: string;
  readonly prometheusSd?: string;
}

/** What the flags ask for. */
export interface MetricsSettings {
  readonly address: ListenAddress;
  readonly lingerSeconds: number;
}

/** Adds the flags of a process that can serve its metrics. */
export function addMetricsFlags(command: Command): Command {
  const address = hostAndPort(HOST, PORT);
  return command
    .addOption(
      new Option('--metrics [address]', `serve Prometheus metrics at [host:]port (${address} where none is given)`)
        .preset(address)
        .env('EPEMU_METRICS'),
    )
    .addOption(
      new Option('--metrics-linger <seconds>', 'how long to stay after the end until the last values are scraped')
        .default(String(DEFAULT_LINGER_SECONDS))
        .env('EPEMU_METRICS_LINGER'),
    );
}

/** Adds {@link addMetricsFlags} and the list of targets, for a process that follows a run. */
export function addRunMetricsFlags(command: Command): Command {
  return addMetricsFlags(command).addOption(
    new Option('--prometheus-sd <file>', 'keep a Prometheus file_sd list of all metrics targets of the run there'),
  );
}

/** @returns what the flags ask for; undefined for no metrics. @throws BadInputError naming the flag. */
export function metricsSettings(flags: MetricsFlags): MetricsSettings | undefined {
  const { metrics = '', metricsLinger = '', prometheusSd } = flags;
  const lingerSeconds = metricsLinger.trim() === '' ? DEFAULT_LINGER_SECONDS : Number(metricsLinger);
  if (!(lingerSeconds >= 0 && lingerSeconds <= MOST_LINGER_SECONDS)) {
    throw new BadInputError(
      '--metrics-linger',
      `--metrics-linger is ${metricsLinger}, but it must be seconds from 0 to ${MOST_LINGER_SECONDS}`,
    );
  }
  if (metrics === '') {
    if (prometheusSd === undefined) return undefined;
    throw new BadInputError(
      '--prometheus-sd',
      '--prometheus-sd lists metrics targets, of which there are none; add --metrics',
    );
  }
  refuseScenario('--metrics', metrics, PORT);
  return { address: parseListenAddress('--metrics', metrics, DEFAULT_METRICS_ADDRESS), lingerSeconds };
}
