import { hostname } from 'node:os';
import { parseConfiguration } from '@epemu/config';
import type { Configuration } from '@epemu/config';
import { EpemuError, RankFailedError, asEpemuError, deferred, messageOf } from '@epemu/core';
import { ConnectError, PeerLostError, WebSocketFabric } from '@epemu/fabric';
import { buildProgram, placeInRole } from '@epemu/schedule';
import { hostAndPort, isWildcard } from '@epemu/http';
import type { TlsIdentity } from '@epemu/http';
import type { Operation, Program } from '@epemu/schedule';
import { encodeColumns, encodeRecord, encodeTimeline } from '@epemu/timeline';
import type { WorkerState } from '@epemu/metrics';
import { runLabels } from '@epemu/outputs';
import { HOST_KIND } from '@epemu/trace';
import { ControlChannel } from '../control/channel.js';
import { hostNs } from '../control/clock.js';
import { encodeMove } from '../control/moves.js';
import {
  BLOB_KIND,
  CONTROL_PROTOCOL_VERSION,
  COORDINATOR_MESSAGE_SCHEMA,
  MOST_MOVES,
  MOVE_FIELDS,
} from '../control/messages.js';
import type { CoordinatorMessage, WorkerMessage } from '../control/messages.js';
import { machineId } from '../machine.js';
import { RankMetrics } from '../metrics/rank-metrics.js';
import { WorkerMetrics } from '../metrics/worker-metrics.js';
import type { WorkerMetricsOptions } from '../metrics/worker-metrics.js';
import { StallWatch } from '../stall-watch.js';
import { connectToCoordinator } from './connect.js';
import type { CoordinatorConnection } from './connect.js';
import { ownAddress } from './own-address.js';
import { listenInRange } from './port-range.js';
import type { PortRange } from './port-range.js';
import { RankGroup } from './rank-group.js';

/** How often a worker tells its progress: often enough to name a killed rank's phase. */
const PROGRESS_INTERVAL_MS = 50;

/** Options of {@link runWorker}. */
export interface WorkerOptions {
  /** The coordinator's WebSocket address. */
  readonly coordinatorUrl: string;
  readonly token: string;
  /** What to show, and whom to believe, where connections are encrypted; with a certificate, those of peers are. */
  readonly tls?: TlsIdentity;
  /** Ranks this worker offers to hold. */
  readonly slots: number;
  /** Address to listen on for peers. @default the one by which this worker reaches the coordinator */
  readonly host?: string;
  /** Ports to listen on for peers, the first free one of them. @default any free one */
  readonly ports?: PortRange;
  /** Where peers reach this worker, behind a proxy or a port mapping. @default where it listens */
  readonly advertise?: { readonly host?: string; readonly port?: number };
  /** Place among the processes that a launcher started: lower places get lower ranks. */
  readonly place?: number;
  /** How long to try to reach the coordinator, ms. @default 30000 */
  readonly connectTimeoutMs?: number;
  /** Serve metrics. @default none are served */
  readonly metrics?: WorkerMetricsOptions;
  /** Ends the worker, and with it a run that it takes part in, with the signal's reason. */
  readonly signal?: AbortSignal;
  /** Told, once, when the coordinator does not answer at first: why, and that it is tried again. */
  onWaiting?(reason: string): void;
  /** Told when the worker gets its ranks; undefined when it is not needed. */
  onPlaced?(placed: { ranks: readonly number[]; configuration: Configuration; runId: string } | undefined): void;
}

/** How long peers may take to close their connections: one that is stopped never does. */
const CLOSE_TIMEOUT_MS = 1500;
/**
 * How long a worker goes on without a word from its coordinator, which says something every second, s: at most, and at
 * least where nothing of the run may stand still for less than half of it.
 */
const SILENCE_SECONDS = { most: 60, least: 5 };
/** How long peers may take to answer when nothing moves, ms. */
const PROBE_MS = 1500;

/** Thrown by a worker whose run failed, by its own fault or not; it has the exit code of the run. */
export class RunFailedError extends EpemuError {}

/** A worker process's life: join, get ranks, meet the peers, run, hand over, leave. */
class Worker {
  readonly #options: WorkerOptions;
  readonly #channel: ControlChannel<CoordinatorMessage, WorkerMessage>;
  readonly #metrics: WorkerMetrics | undefined;
  readonly #left = deferred<undefined>();
  readonly #stored = new Map<number, () => void>();
  #group: RankGroup | undefined;
  #fabric: WebSocketFabric | undefined;
  #configuration: Configuration | undefined;
  #progress: NodeJS.Timeout | undefined;
  #workerIndex = 0;
  /** What has ended since the last report, flat. */
  readonly #moves: number[] = [];
  #handedOver = false;
  readonly #ownAddress: string;
  /** Messages of the coordinator. */
  #heard = 0;
  #silence: StallWatch;
  #program: Program | undefined;
  /** Why the run failed: this worker's own fault, or else what the coordinator says. */
  #failure: EpemuError | undefined;
  readonly #interrupt = (): void => {
    const reason: unknown = this.#options.signal?.reason;
    this.#report(reason);
    this.#left.reject(reason);
  };

  constructor(
    options: WorkerOptions,
    { socket, localAddress }: CoordinatorConnection,
    metrics: WorkerMetrics | undefined,
  ) {
    this.#options = options;
    this.#metrics = metrics;
    this.#ownAddress = ownAddress(localAddress, options.coordinatorUrl);
    this.#channel = new ControlChannel(
      socket,
      COORDINATOR_MESSAGE_SCHEMA,
      {
        onMessage: (message) => {
          this.#heard++;
          this.#handle(message).catch((error: unknown) => {
            this.#report(error);
          });
        },
        onBlob: () => undefined,
        onClose: (_code, reason, error) => {
          const what = error === undefined ? reason : messageOf(error);
          const detail = what === '' ? '' : ` (${what})`;
          this.#left.reject(new EpemuError(`the coordinator at ${options.coordinatorUrl} is gone${detail}`));
        },
      },
      true,
    );
    const { token, slots, place } = options;
    const hello = { token, slots, place, pid: process.pid, host: hostname(), machine: machineId() };
    this.#channel.send({ type: 'hello', protocolVersion: CONTROL_PROTOCOL_VERSION, ...hello });
    options.signal?.addEventListener('abort', this.#interrupt);
    // It may have come while the coordinator was dialled.
    if (options.signal?.aborted === true) this.#interrupt();
    this.#silence = this.#watchSilence(SILENCE_SECONDS.most);
  }

  /** A machine that is cut off or loses its power closes no connection. */
  #watchSilence(seconds: number): StallWatch {
    const address = this.#options.coordinatorUrl;
    return new StallWatch(
      seconds,
      () => this.#heard,
      () => {
        this.#left.reject(new EpemuError(`the coordinator at ${address} has been silent for ${seconds} s`));
      },
    );
  }

  /** Resolves when the coordinator has let the worker go. @throws when the coordinator is gone before. */
  async finished(): Promise<void> {
    try {
      await this.#left.promise;
      if (this.#metrics?.state !== 'failed') this.#enter('finished');
    } catch (error) {
      this.#enter('failed');
      throw error;
    } finally {
      this.#options.signal?.removeEventListener('abort', this.#interrupt);
      this.#channel.close();
      this.#silence.end();
      clearInterval(this.#progress);
      this.#group?.abort(new EpemuError('the worker ends'));
      await this.#fabric?.close();
      await this.#group?.close();
      // A worker without ranks has nothing that anybody waits for.
      if (this.#group !== undefined) await this.#metrics?.linger(this.#options.signal);
    }
  }

  /** Tells the metrics what the worker is at. */
  #enter(state: WorkerState): void {
    if (this.#metrics !== undefined) this.#metrics.state = state;
  }

  async #handle(message: CoordinatorMessage): Promise<void> {
    switch (message.type) {
      case 'ping':
        this.#channel.send({ type: 'pong', sequence: message.sequence, workerNs: hostNs() });
        return;
      case 'assign':
        await this.#assign(message);
        return;
      case 'peers':
        await this.#fabric!.connect(message.peers);
        this.#channel.send({ type: 'ready' });
        return;
      case 'start':
        await this.#run();
        return;
      case 'probe':
        this.#channel.send({ type: 'unheard', workers: (await this.#fabric?.unheardPeers(PROBE_MS)) ?? [] });
        return;
      case 'stored':
        this.#stored.get(message.rank)?.();
        return;
      case 'abort':
        this.#failure ??= new RunFailedError(`the run failed: ${message.message}`, message.exitCode);
        await this.#abort();
        return;
      case 'refuse':
        this.#left.reject(new EpemuError(`the coordinator refused this worker: ${message.message}`));
        return;
      case 'dismiss':
        if (this.#failure === undefined) this.#options.onPlaced?.(undefined);
        this.#leave();
        return;
      case 'leave':
        this.#leave();
        return;
    }
  }

  #leave(): void {
    if (this.#failure === undefined) this.#left.resolve(undefined);
    else this.#left.reject(this.#failure);
  }

  async #assign(message: Extract<CoordinatorMessage, { type: 'assign' }>): Promise<void> {
    const { worker, workerOfRank, runId, threads } = message;
    const configuration = parseConfiguration(message.configuration);
    this.#configuration = configuration;
    this.#workerIndex = worker;
    this.#silence.end();
    const { most, least } = SILENCE_SECONDS;
    this.#silence = this.#watchSilence(Math.min(most, Math.max(least, 2 * configuration.stallTimeoutSeconds)));
    const { host = this.#ownAddress, ports = { first: 0, last: 0 }, advertise, token, tls } = this.#options;
    const fabric = new WebSocketFabric({
      worker,
      workerOfRank,
      runId,
      token,
      host,
      ...(tls === undefined ? {} : { tls }),
      closeTimeoutMs: CLOSE_TIMEOUT_MS,
      onHostEvent: (kind, startNs, endNs, bytes, _messages, peer) => {
        const number = kind === 'send' ? HOST_KIND.send : HOST_KIND.receive;
        this.#group?.noteHostEvent(number, startNs, endNs, 0, bytes, peer);
      },
    });
    this.#fabric = fabric;
    const ranks = workerOfRank.flatMap((of, rank) => (of === worker ? [rank] : []));
    this.#options.onPlaced?.({ ranks, configuration, runId });
    const program = buildProgram(configuration);
    this.#program = program;
    const group = new RankGroup({
      configuration,
      program,
      fabric,
      ranks,
      threads,
      onOperation: (rank, operation) => {
        this.#injectFault(rank, operation);
      },
      ...(message.follow
        ? {
            onMove: (move) => {
              encodeMove(this.#moves, move);
            },
          }
        : {}),
    });
    this.#group = group;
    this.#enter('connecting');
    if (this.#metrics !== undefined) {
      this.#metrics.show(runLabels(runId, configuration), new RankMetrics(group, fabric, configuration, program));
    }
    const listened = await listenInRange(ports, host, (port) => fabric.listen(port));
    // Peers cannot dial a wildcard; what reaches the coordinator is reached by them.
    const reached = isWildcard(host) ? this.#ownAddress : host;
    const address = hostAndPort(advertise?.host ?? reached, advertise?.port ?? listened.port);
    const metricsTarget = this.#metrics?.target(advertise?.host ?? this.#ownAddress);
    const scheme = tls?.cert === undefined ? 'ws' : 'wss';
    this.#channel.send({ type: 'listening', url: `${scheme}://${address}`, metricsTarget });
  }

  async #run(): Promise<void> {
    this.#enter('running');
    this.#progress = setInterval(() => {
      this.#tellProgress();
    }, PROGRESS_INTERVAL_MS);
    await this.#group!.run();
    this.#tellProgress();
    this.#enter('handing over');
    await this.#handOver(this.#group!);
  }

  /** Tells the state of all ranks; `sent` is called when it has left this process. */
  #tellProgress(sent?: () => void): void {
    const group = this.#group!;
    const { messagesSent, messagesReceived } = this.#fabric!.statistics;
    const counter = group.operationsStarted + messagesReceived;
    const operations = [...group.current];
    const report = { type: 'progress', counter, operations, messagesSent } as const;
    const most = MOST_MOVES * MOVE_FIELDS.length;
    while (this.#moves.length > most) this.#channel.send({ ...report, moves: this.#moves.splice(0, most) });
    this.#channel.send({ ...report, moves: this.#moves.splice(0) }, sent);
  }

  /** Sends rank after rank, each when the one before is stored: neither side holds more than one. */
  async #handOver(group: RankGroup): Promise<void> {
    if (this.#handedOver) return;
    this.#handedOver = true;
    for (const each of group.ranks) {
      const { rank } = each;
      const { timeline, record, numerics } = each.snapshot();
      const stored = new Promise<void>((resolve) => this.#stored.set(rank, resolve));
      this.#channel.sendBlob(BLOB_KIND.timeline, rank, encodeTimeline(timeline));
      this.#channel.sendBlob(BLOB_KIND.record, rank, encodeRecord(record));
      this.#channel.send({ type: 'numerics', rank, numerics });
      await stored;
    }
    this.#channel.sendBlob(BLOB_KIND.hostEvents, this.#workerIndex, encodeColumns(group.hostEvents));
    const { messagesSent, wireBytesSent, framesSent, decodeErrors } = this.#fabric!.statistics;
    const peakRssBytes = process.resourceUsage().maxRSS * 1024;
    const statistics = { messagesSent, wireBytesSent, framesSent, decodeErrors, peakRssBytes };
    this.#channel.send({ type: 'finished', statistics });
  }

  /** The run has failed elsewhere: hand over what there is so far. */
  async #abort(): Promise<void> {
    const group = this.#group;
    if (group === undefined) return;
    this.#enter('failed');
    group.abort(new EpemuError('the run was aborted'));
    await this.#handOver(group);
  }

  #report(error: unknown): void {
    if (this.#handedOver) return;
    const unreached = error instanceof ConnectError ? { unreached: [...error.missingWorkers] } : {};
    const peerLost = [PeerLostError, RankFailedError, ConnectError].some((type) => error instanceof type);
    if (!peerLost) this.#failure ??= asEpemuError(error);
    const stack = error instanceof Error && error.stack !== undefined ? { stack: error.stack.slice(0, 16_000) } : {};
    this.#channel.send({ type: 'failed', message: messageOf(error).slice(0, 4000), peerLost, ...unreached, ...stack });
  }

  /** Faults happen at a rank's n-th operation, so that they do not depend on host time. */
  #injectFault(rank: number, operation: Operation): void {
    const place = placeInRole(this.#program!, operation.id);
    const fault = this.#configuration!.faults.find((entry) => entry.rank === rank && entry.operation === place);
    if (fault === undefined) return;
    this.#tellProgress(() => {
      process.kill(process.pid, fault.kind === 'kill' ? 'SIGKILL' : 'SIGSTOP');
    });
  }
}

/**
 * Joins a coordinator, holds the ranks it is given, and returns when it is let go.
 * @throws CoordinatorUnreachableError; CertificateError; RunFailedError when the run failed elsewhere, or this worker's own failure;
 * EpemuError when the coordinator refuses this worker, is silent, or is gone before the end; ListenError when its metrics
 * cannot be served; the signal's reason.
 */
export async function runWorker(options: WorkerOptions): Promise<void> {
  const { coordinatorUrl, connectTimeoutMs = 30_000 } = options;
  const { signal, tls } = options;
  const onWait = (reason: string): void => {
    options.onWaiting?.(reason);
  };
  const metrics = options.metrics === undefined ? undefined : await WorkerMetrics.open(options.metrics);
  try {
    const connection = await connectToCoordinator(coordinatorUrl, { timeoutMs: connectTimeoutMs, tls, signal, onWait });
    await new Worker(options, connection, metrics).finished();
  } finally {
    await metrics?.close();
  }
}
