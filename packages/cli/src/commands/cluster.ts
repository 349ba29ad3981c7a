import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { runWorker } from '@epemu/cluster';
import { BadInputError, messageOf } from '@epemu/core';
import type { Command } from 'commander';
import { addMetricsFlags, addRunMetricsFlags, metricsSettings } from '../metrics-flags.js';
import type { MetricsFlags } from '../metrics-flags.js';
import { addConfigurationFlags } from '../options.js';
import type { RunFlags } from '../run-flags.js';
import { configurationFrom, execute } from './run.js';

/** @returns the token from a file or the environment: never from argv, where every user of the host can read it. */
function tokenFrom(file: string | undefined): string | undefined {
  if (file === undefined) return process.env['EPEMU_TOKEN'];
  try {
    return readFileSync(file, 'utf8').trim();
  } catch (error) {
    throw new BadInputError('--token-file', `--token-file ${file} cannot be read (${messageOf(error)})`);
  }
}

/** @returns a whole number within bounds. @throws BadInputError naming the flag. */
function wholeNumber(flag: string, text: string, least: number, most: number): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < least || value > most) {
    throw new BadInputError(flag, `${flag} is ${text}, but it must be a whole number from ${least} to ${most}`);
  }
  return value;
}

/** @returns a WebSocket address. @throws BadInputError naming the flag: trying it until the deadline would not help. */
function webSocketUrl(flag: string, text: string): string {
  const protocol = URL.canParse(text) ? new URL(text).protocol : '';
  if (protocol !== 'ws:' && protocol !== 'wss:') {
    throw new BadInputError(flag, `${flag} is ${text}, but it must be an address like ws://host:port`);
  }
  return text;
}

interface CoordinatorFlags extends RunFlags {
  readonly host: string;
  readonly port: string;
  readonly tokenFile?: string;
  readonly joinTimeout: string;
}

interface WorkerFlags extends MetricsFlags {
  readonly coordinator: string;
  readonly slots: string;
  readonly tokenFile?: string;
  readonly host: string;
  readonly port: string;
  readonly advertise?: string;
  readonly connectTimeout: string;
}

/** Adds `epemu coordinator` and `epemu worker`: the parts that `epemu run` starts by itself. */
export function addClusterCommands(program: Command): void {
  const coordinator = program
    .command('coordinator')
    .description('wait for workers until their slots cover the ranks, then run a scenario on them')
    .argument('[scenario]', 'train, prefill, decode, or a YAML/JSON file', 'decode');
  addRunMetricsFlags(addConfigurationFlags(coordinator))
    .option('--host <address>', 'address to listen on', '127.0.0.1')
    .option('--port <n>', 'port to listen on', '7077')
    .option('--token-file <file>', 'file that holds the token workers must know (or EPEMU_TOKEN)')
    .option('--join-timeout <seconds>', 'how long to wait for workers', '300')
    .option('--out <folder>', 'where outputs go (default runs/<time>-<scenario>-<id>)')
    .option('--force', 'write into a folder that is not empty')
    .option('--json', 'print the report as JSON')
    .addHelpText('after', '\nExample:\n  EPEMU_TOKEN=secret epemu coordinator decode --ranks 16 --port 7077')
    .action(async (scenario: string, flags: CoordinatorFlags) => {
      const configuration = configurationFrom(scenario, flags);
      const given = tokenFrom(flags.tokenFile);
      const token = given ?? randomBytes(16).toString('hex');
      if (given === undefined) process.stderr.write(`workers need this token: EPEMU_TOKEN=${token}\n`);
      await execute({ ...configuration, fabric: 'websocket' }, flags, {
        host: flags.host,
        port: wholeNumber('--port', flags.port, 0, 65_535),
        token,
        joinTimeoutMs: wholeNumber('--join-timeout', flags.joinTimeout, 1, 86_400) * 1000,
        onListening: (url) => {
          process.stderr.write(`coordinator listens at ${url} for workers with ${configuration.ranks} slots in all\n`);
        },
      });
    });

  const worker = program
    .command('worker')
    .description('join a coordinator, hold the ranks it gives, and leave when the run has ended');
  addMetricsFlags(worker)
    .requiredOption('--coordinator <url>', 'address of the coordinator, ws://host:port')
    .option('--slots <n>', 'ranks this worker offers to hold', '1')
    .option('--token-file <file>', 'file that holds the token (or EPEMU_TOKEN)')
    .option('--host <address>', 'address to listen on for peers', '127.0.0.1')
    .option('--port <n>', 'port to listen on for peers; 0 takes any free one', '0')
    .option('--advertise <url>', 'address that peers are told instead, ws://host:port')
    .option('--connect-timeout <seconds>', 'how long to try to reach the coordinator', '30')
    .addHelpText('after', '\nExample:\n  EPEMU_TOKEN=secret epemu worker --coordinator ws://127.0.0.1:7077 --slots 8')
    .action(async (flags: WorkerFlags) => {
      const token = tokenFrom(flags.tokenFile);
      if (token === undefined) {
        throw new BadInputError('EPEMU_TOKEN', 'EPEMU_TOKEN is not set; give the coordinator’s token, or --token-file');
      }
      const metrics = metricsSettings(flags);
      await runWorker({
        ...(metrics === undefined ? {} : { metrics }),
        coordinatorUrl: webSocketUrl('--coordinator', flags.coordinator),
        token,
        slots: wholeNumber('--slots', flags.slots, 1, 4096),
        host: flags.host,
        port: wholeNumber('--port', flags.port, 0, 65_535),
        connectTimeoutMs: wholeNumber('--connect-timeout', flags.connectTimeout, 1, 86_400) * 1000,
        ...(flags.advertise === undefined ? {} : { advertise: webSocketUrl('--advertise', flags.advertise) }),
      });
    });
}
