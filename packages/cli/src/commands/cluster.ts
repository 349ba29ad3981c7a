import { randomBytes } from 'node:crypto';
import { parsePortRange, ranksText, runWorker } from '@epemu/cluster';
import type { WorkerOptions } from '@epemu/cluster';
import { BadInputError } from '@epemu/core';
import { hostAndPort, hostOf, parseListenAddress } from '@epemu/http';
import { plainText } from '@epemu/pages';
import { Option } from 'commander';
import type { Command } from 'commander';
import { abortOnSignals } from '../interrupt.js';
import { COORDINATOR_PORT, joinPointOf } from '../launcher/join-point.js';
import { addRequireMemoryFlag } from '../memory-flags.js';
import { addMetricsFlags, addRunMetricsFlags, metricsSettings } from '../metrics-flags.js';
import type { MetricsFlags } from '../metrics-flags.js';
import { addConfigurationFlags } from '../options.js';
import type { RunFlags } from '../run-flags.js';
import { addServeFlags } from '../serve.js';
import { addTlsFlags, tlsIdentity } from '../tls-flags.js';
import type { TlsFlags } from '../tls-flags.js';
import { tokenFrom } from '../token.js';
import { wholeNumber } from '../whole-number.js';
import { configurationFrom, execute } from './run.js';

/** @returns a WebSocket address. @throws BadInputError naming the flag: trying it until the deadline would not help. */
function webSocketUrl(flag: string, text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !['ws:', 'wss:'].includes(url.protocol) || url.hash !== '') {
    throw new BadInputError(flag, `${flag} is ${text}, but it must be an address like ws://host:port`);
  }
  return text;
}

/** @returns host and port of `host`, `port` or `host:port`, each where it is given. @throws BadInputError */
function advertised(flag: string, text: string): { host?: string; port?: number } {
  const { host, port } = parseListenAddress(flag, text, { host: '', port: 0 });
  // 10.0.0.256 looks like a name, but no address can be made of it.
  if (host !== '' && !URL.canParse(`ws://${hostAndPort(host, port)}`)) {
    throw new BadInputError(flag, `${flag} is ${text}, but ${host} is no host name and no IP address`);
  }
  return { ...(host === '' ? {} : { host }), ...(port === 0 ? {} : { port }) };
}

/** One line on what a worker was given. */
function placedText(placed: Parameters<NonNullable<WorkerOptions['onPlaced']>>[0]): string {
  if (placed === undefined) return 'not needed: other workers hold the ranks';
  const { ranks, configuration, runId } = placed;
  return `holds ${ranksText(ranks)} of ${configuration.ranks} in run ${runId}`;
}

interface CoordinatorFlags extends RunFlags, TlsFlags {
  readonly host: string;
  readonly port: string;
  readonly tokenFile?: string;
  readonly joinTimeout: string;
}

interface WorkerFlags extends MetricsFlags, TlsFlags {
  readonly coordinator?: string;
  readonly slots: string;
  readonly tokenFile?: string;
  readonly host?: string;
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
  addTlsFlags(
    addRequireMemoryFlag(addServeFlags(addRunMetricsFlags(addConfigurationFlags(coordinator)))),
    'authorities that must have signed the certificates of workers (default: workers need none)',
  )
    .addOption(
      new Option('--host <address>', 'address to listen on; 0.0.0.0 for workers from other machines')
        .default('127.0.0.1')
        .env('EPEMU_HOST'),
    )
    .addOption(new Option('--port <n>', 'port to listen on').default(String(COORDINATOR_PORT)).env('EPEMU_PORT'))
    .option('--token-file <file>', 'file that holds the token workers must know (or EPEMU_TOKEN)')
    .addOption(
      new Option('--join-timeout <seconds>', 'how long to wait for workers').default('300').env('EPEMU_JOIN_TIMEOUT'),
    )
    .option('--out <folder>', 'where outputs go (default runs/<time>-<scenario>-<id>)')
    .option('--force', 'write into a folder that is not empty')
    .option('--json', 'print the report as JSON')
    .addHelpText(
      'after',
      `
Examples:
  EPEMU_TOKEN=… epemu coordinator decode --ranks 16 --port 7077
  EPEMU_TOKEN=… epemu coordinator decode --ranks 16 --serve    a page shows who has joined, and then the run`,
    )
    .action(async (scenario: string, flags: CoordinatorFlags) => {
      const configuration = configurationFrom(scenario, flags);
      const tls = tlsIdentity(flags);
      if (tls !== undefined && tls.cert === undefined) {
        const problem = '--tls-ca is given without --tls-cert and --tls-key';
        throw new BadInputError('--tls-ca', `${problem}, without which no connection is encrypted; give all three`);
      }
      const given = tokenFrom(flags.tokenFile, flags.host);
      const token = given ?? randomBytes(16).toString('hex');
      if (given === undefined) process.stderr.write(`workers need this token: EPEMU_TOKEN=${token}\n`);
      await execute({ ...configuration, fabric: 'websocket' }, flags, {
        host: flags.host,
        port: wholeNumber('--port', flags.port, 0, 65_535),
        token,
        ...(tls === undefined ? {} : { tls }),
        joinTimeoutMs: wholeNumber('--join-timeout', flags.joinTimeout, 1, 86_400) * 1000,
        onListening: (url) => {
          process.stderr.write(`coordinator listens at ${url} for workers with ${configuration.ranks} slots in all\n`);
        },
      });
    });

  const worker = program
    .command('worker')
    .description('join a coordinator, hold the ranks it gives, and leave when the run has ended');
  addTlsFlags(
    addMetricsFlags(worker),
    'authorities that must have signed the certificates of coordinator and peers (default: those that Node knows)',
  )
    .addOption(
      new Option(
        '--coordinator <url>',
        'address of the coordinator, ws://host:port or wss://host:port (default: as the launcher says)',
      ).env('EPEMU_COORDINATOR'),
    )
    .addOption(new Option('--slots <n>', 'ranks this worker offers to hold').default('1').env('EPEMU_SLOTS'))
    .option('--token-file <file>', 'file that holds the token (or EPEMU_TOKEN)')
    .addOption(
      new Option(
        '--host <address>',
        'address to listen on for peers (default: the one by which this machine reaches the coordinator)',
      ).env('EPEMU_HOST'),
    )
    .addOption(
      new Option('--port <n|first-last>', 'port to listen on for peers, or a range to take the first free one of')
        .default('0', 'any free one')
        .env('EPEMU_PORT'),
    )
    .addOption(
      new Option(
        '--advertise <host|host:port|port>',
        'where peers reach this worker, behind a proxy or a port mapping (default: where it listens)',
      ).env('EPEMU_ADVERTISE'),
    )
    .addOption(
      new Option('--connect-timeout <seconds>', 'how long to try to reach the coordinator')
        .default('30')
        .env('EPEMU_CONNECT_TIMEOUT'),
    )
    .addHelpText(
      'after',
      `
A worker that srun, mpirun, torchrun or a Kubernetes Indexed Job has started finds out where its coordinator is and which
process it is, and gets its ranks in that order. docs/launchers.md has the commands of each.

Examples:
  EPEMU_TOKEN=… epemu worker --coordinator ws://127.0.0.1:7077 --slots 8
  EPEMU_TOKEN=… epemu worker --coordinator ws://head:7077 --slots 8 --port 7100-7163
  EPEMU_TOKEN=… epemu worker --coordinator wss://head:7077 --tls-cert a.pem --tls-key a.key --tls-ca ours.pem
  EPEMU_TOKEN=… srun epemu worker                    the coordinator is on the job's first host`,
    )
    .action(async (flags: WorkerFlags) => {
      // Before anything is said: who reads that the worker is there may end it at once.
      const { signal } = abortOnSignals();
      const tls = tlsIdentity(flags);
      const joinPoint = joinPointOf(flags.coordinator, process.env, tls === undefined ? 'ws' : 'wss');
      const { place, finding } = joinPoint;
      if (finding !== undefined) process.stderr.write(`${plainText(finding)}\n`);
      const coordinatorUrl = webSocketUrl('--coordinator', joinPoint.coordinatorUrl);
      if (tls !== undefined && new URL(coordinatorUrl).protocol === 'ws:') {
        const problem = `--coordinator is ${coordinatorUrl}, to which all goes in clear, but there are certificates`;
        throw new BadInputError('--coordinator', `${problem}; write wss: for ws:, or leave --tls-… away`);
      }
      const token = tokenFrom(flags.tokenFile, hostOf(new URL(coordinatorUrl)));
      if (token === undefined) {
        throw new BadInputError('EPEMU_TOKEN', 'EPEMU_TOKEN is not set; give the coordinator’s token, or --token-file');
      }
      const metrics = metricsSettings(flags);
      const connectSeconds = wholeNumber('--connect-timeout', flags.connectTimeout, 1, 86_400);
      await runWorker({
        ...(metrics === undefined ? {} : { metrics }),
        coordinatorUrl,
        token,
        ...(tls === undefined ? {} : { tls }),
        ...(place === undefined ? {} : { place }),
        slots: wholeNumber('--slots', flags.slots, 1, 4096),
        signal,
        ports: parsePortRange('--port', flags.port),
        connectTimeoutMs: connectSeconds * 1000,
        ...(flags.host === undefined ? {} : { host: flags.host }),
        ...(flags.advertise === undefined ? {} : { advertise: advertised('--advertise', flags.advertise) }),
        onPlaced: (placed) => {
          process.stderr.write(`${placedText(placed)}\n`);
        },
        onWaiting: (reason) => {
          process.stderr.write(
            `no coordinator answers at ${coordinatorUrl} yet (${reason}); trying for ${connectSeconds} s\n`,
          );
        },
      });
    });
}
