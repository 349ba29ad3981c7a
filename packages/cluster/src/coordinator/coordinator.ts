import { setTimeout as delay } from 'node:timers/promises';
import type { Configuration } from '@epemu/config';
import { EpemuError, deferred } from '@epemu/core';
import type { TlsIdentity } from '@epemu/http';
import type { RunSpool } from '@epemu/outputs';
import type { Program } from '@epemu/schedule';
import type { WebSocket } from 'ws';
import { ControlChannel, ControlProtocolError } from '../control/channel.js';
import type { ChannelEvents } from '../control/channel.js';
import { hostNs } from '../control/clock.js';
import { decodeMoves } from '../control/moves.js';
import { BLOB_KIND, WORKER_MESSAGE_SCHEMA } from '../control/messages.js';
import type { BlobKind, CoordinatorMessage, WorkerMessage } from '../control/messages.js';
import type { RunListener } from '../run-events.js';
import { StallWatch } from '../stall-watch.js';
import { FailureLog } from './failure.js';
import type { ProcessExit } from './failure.js';
import { watchJoining } from './joining.js';
import { Member, STATE_ORDER } from './member.js';
import type { MemberState } from './member.js';
import { explainStall } from './no-progress.js';
import { placeRanks } from './placement.js';
import { Refusals } from './refusals.js';
import { checkReachable } from './reachable.js';
import { reasonAgainst } from './admission.js';
import { CoordinatorServer } from './server.js';

const HELLO_TIMEOUT_MS = 5000;
const PING_INTERVAL_MS = 1000;
/** Clocks drift: the alignment is from the best of the last exchanges. */
const MOST_CLOCK_SAMPLES = 64;
/** A killed worker shows as a closed connection some ms before its parent hears of the signal. */
const CAUSE_GRACE_MS = 400;
/** How long the others may take to hand over what they have when a run failed. */
const PARTIAL_GRACE_MS = 1200;
/** What an abort has room for; a cause may quote all that a process wrote to standard error. */
const MOST_ABORT_CHARACTERS = 8192;

/** Options of {@link Coordinator}. */
export interface CoordinatorOptions {
  readonly configuration: Configuration;
  readonly program: Program;
  readonly runId: string;
  readonly token: string;
  readonly spool: RunSpool;
  /** @default '127.0.0.1' */
  readonly host?: string;
  /** @default 0, any free one */
  readonly port?: number;
  /** Take encrypted connections only, and workers whose peers do. */
  readonly tls?: TlsIdentity;
  /** How long to wait until the slots of workers that come from elsewhere cover the ranks, ms. */
  readonly joinTimeoutMs: number;
  /** Numbers of the worker processes that the run has started itself; these have as long as others of them join. */
  readonly ownWorkers?: () => readonly number[];
  /** Told what the run is doing. */
  readonly onEvent: RunListener;
  /** Whether workers tell every operation's virtual times. */
  readonly follow: boolean;
}

/** Gathers workers, gives them ranks, follows them and takes in their timelines. Tokens never pass through it. */
export class Coordinator {
  readonly #options: CoordinatorOptions;
  readonly #server: CoordinatorServer;
  readonly #members: Member[] = [];
  readonly #failures: FailureLog;
  readonly #covered = deferred<undefined>();
  readonly #finished = deferred<undefined>();
  #stage: 'joining' | 'connecting' | 'running' | 'ending' = 'joining';
  #changed: (() => void) | undefined;
  /** Timelines and other data stored. */
  #stored = 0;
  /** What workers are told of a run that has failed, late ones too. */
  #failure: CoordinatorMessage | undefined;
  #pings = 0;
  readonly #refusals: Refusals;
  #pinging: NodeJS.Timeout | undefined;

  constructor(options: CoordinatorOptions) {
    this.#options = options;
    this.#failures = new FailureLog(options.program);
    this.#refusals = new Refusals((reason, count) => {
      options.onEvent({ type: 'refused', reason, count });
    });
    this.#server = new CoordinatorServer({
      workers: options.configuration.ranks,
      tls: options.tls,
      onSocket: this.#meet.bind(this),
      onRefused: this.#refusals.note.bind(this.#refusals),
    });
  }

  /** Opens the door for workers. @returns the address to give them. */
  async listen(): Promise<string> {
    const { host = '127.0.0.1', port = 0 } = this.#options;
    const url = this.#server.urlOf(await this.#server.listen({ host, port }));
    this.#options.onEvent({ type: 'listening', url });
    this.#pinging = setInterval(() => {
      this.#ping();
    }, PING_INTERVAL_MS);
    return url;
  }

  /** Workers that took part, by index. */
  get members(): readonly Member[] {
    return this.#members.filter((member) => member.worker >= 0).sort((a, b) => a.worker - b.worker);
  }

  /** Slots that all who have joined offer. */
  get #slots(): number {
    return this.#members.reduce((sum, { slots }) => sum + slots, 0);
  }

  /** Tells how a worker process ended; the launcher is its parent and knows the signal. */
  noteExit(exit: ProcessExit): void {
    const member = this.#members.find((candidate) => candidate.pid === exit.pid);
    if (this.#stage === 'ending' || member?.state === 'finished') return;
    if (exit.code === 0 && member !== undefined && member.worker < 0) return;
    this.#failures.addExit(exit);
    this.#fail();
  }

  /** Ends a run with an error of its own: no worker is to blame. */
  fail(error: unknown): void {
    this.#covered.reject(error);
    this.#finished.reject(error);
  }

  /**
   * Runs to the end: until every rank's timeline is stored and the workers have left.
   * @throws RankFailedError, NoProgressError or EpemuError; whatever was handed over by then is in the spool.
   */
  async run(): Promise<{ startedNs: number }> {
    await this.#join();
    const watch = this.#watch();
    try {
      await this.#connect();
      this.#stage = 'running';
      const startedNs = hostNs();
      for (const member of this.members) {
        member.state = 'running';
        member.channel.send({ type: 'start' });
      }
      this.#options.onEvent({ type: 'started' });
      await this.#finished.promise;
      this.#stage = 'ending';
      for (const member of this.members) member.channel.send({ type: 'leave' });
      return { startedNs };
    } finally {
      watch.end();
    }
  }

  /** Tells the workers why the run ends, asks them for what they have so far, and waits a moment for it. */
  async collectPartial({ message, exitCode }: EpemuError): Promise<void> {
    this.#stage = 'ending';
    this.#failure = { type: 'abort', message: message.slice(0, MOST_ABORT_CHARACTERS), exitCode };
    for (const member of this.#members) member.channel.send(this.#failure);
    const deadline = performance.now() + PARTIAL_GRACE_MS;
    const open = (): boolean => this.members.some(({ state }) => state !== 'finished' && state !== 'gone');
    while (open() && performance.now() < deadline) await delay(20);
    for (const member of this.#members) member.channel.send({ type: 'leave' });
  }

  /** Ends all connections, frees the port, and ends a run that still waits: its timers would keep the process. */
  async close(): Promise<void> {
    this.#stage = 'ending';
    clearInterval(this.#pinging);
    this.#refusals.end();
    this.fail(new EpemuError('the coordinator was closed'));
    await this.#server.close();
  }

  async #join(): Promise<void> {
    const { joinTimeoutMs, ownWorkers, configuration } = this.#options;
    const { ranks, stallTimeoutSeconds } = configuration;
    const watch = watchJoining(
      { ranks, joinTimeoutMs, stallTimeoutSeconds, ownWorkers },
      () => ({ members: this.#members, refusals: this.#refusals }),
      (error) => {
        this.#covered.reject(error);
      },
    );
    try {
      await this.#covered.promise;
    } finally {
      watch.end();
    }
    this.#place();
  }

  /** Gives ranks out; who gets none may leave. */
  #place(): void {
    const { configuration, runId, follow } = this.#options;
    const workerOfRank: number[] = [];
    placeRanks(this.#members, configuration.ranks).forEach(({ offer, ranks }, worker) => {
      this.#members[offer].worker = worker;
      this.#members[offer].ranks = ranks;
      for (const rank of ranks) workerOfRank[rank] = worker;
    });
    for (const member of this.#members) if (member.worker < 0) member.channel.send({ type: 'dismiss' });
    this.#stage = 'connecting';
    this.#options.onEvent({ type: 'placed', workers: this.members.map(({ placed }) => placed) });
    const values = JSON.parse(JSON.stringify(configuration)) as Record<string, unknown>;
    for (const member of this.members) {
      member.state = 'assigned';
      const beside = this.members.filter(({ machine }) => machine === member.machine).length;
      // One budget of threads for a machine, dealt out to the workers on it.
      const threads = Math.max(1, Math.floor(configuration.threads / beside));
      const { worker } = member;
      member.channel.send({ type: 'assign', runId, worker, workerOfRank, threads, follow, configuration: values });
    }
  }

  /** Asks everybody for the time: it aligns clocks, and tells that the coordinator is there. */
  #ping(): void {
    this.#pings++;
    for (const { pings, channel, state } of this.#members) {
      if (state === 'gone') continue;
      pings.set(this.#pings, hostNs());
      channel.send({ type: 'ping', sequence: this.#pings });
    }
  }

  async #connect(): Promise<void> {
    await this.#until('listening');
    checkReachable(this.members, this.#options.tls !== undefined);
    this.#options.onEvent({ type: 'connecting', workers: this.members.map(({ placed }) => placed) });
    const peers = this.members.map(({ worker, url }) => ({ worker, url }));
    for (const member of this.members) {
      member.channel.send({ type: 'peers', peers: peers.filter(({ worker }) => worker !== member.worker) });
    }
    await this.#until('ready');
    // Nothing is sent at this moment: the exchange with the shortest way is likely this one.
    this.#ping();
  }

  /** Waits until all members have reached a state, or the run has failed. */
  async #until(state: 'listening' | 'ready'): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      // A run that ends meanwhile has workers that finish without ever coming so far.
      this.#finished.promise.then(() => {
        reject(new EpemuError('the run has ended before its workers were connected'));
      }, reject);
      this.#changed = () => {
        if (this.members.every((member) => member.state === state)) resolve();
      };
      this.#changed();
    });
  }

  /** Fails the run when nothing moves for too long: while the workers meet, run, and hand over. */
  #watch(): StallWatch {
    const { configuration, program } = this.#options;
    const { stallTimeoutSeconds } = configuration;
    const moves = (): number =>
      this.members.reduce((sum, member) => sum + member.progress + STATE_ORDER.indexOf(member.state), this.#stored);
    return new StallWatch(stallTimeoutSeconds, moves, () => {
      const stage = this.#stage === 'connecting' ? 'connecting' : 'running';
      void explainStall(program, this.members, stallTimeoutSeconds, stage).then((error) => {
        this.fail(error);
      });
    });
  }

  #meet(socket: WebSocket, welcome: () => void): void {
    let member: Member | undefined;
    /** Whether it has been answered: admitted, refused or sent away. */
    let answered = false;
    const refuse = (reason: string): void => {
      answered = true;
      channel.refuse(reason);
      this.#refusals.note(reason);
    };
    const impatience = setTimeout(() => {
      // A process that was busy or stopped reads what has come meanwhile first.
      setImmediate(() => {
        if (!answered) refuse(`it said no hello within ${HELLO_TIMEOUT_MS / 1000} s`);
      });
    }, HELLO_TIMEOUT_MS);
    const events: ChannelEvents<WorkerMessage> = {
      onMessage: (message) => {
        if (member !== undefined) {
          member.heardAt = performance.now();
          this.#handle(member, message);
          return;
        }
        if (answered) return;
        clearTimeout(impatience);
        const reason = reasonAgainst(message, this.#options.token, this.#stage === 'joining' ? this.#members : []);
        if (reason !== undefined) {
          channel.send({ type: 'refuse', message: reason });
          refuse(reason);
          return;
        }
        answered = true;
        welcome();
        channel.trust();
        member = this.#admit(channel, message as Extract<WorkerMessage, { type: 'hello' }>);
      },
      onBlob: (kind, index, bytes) => {
        if (member !== undefined) this.#store(member, kind, index, bytes);
      },
      onClose: (_code, _reason, error) => {
        clearTimeout(impatience);
        if (member !== undefined) this.#lost(member, error);
        else if (!answered && error instanceof ControlProtocolError) this.#refusals.note(error.message);
        answered = true;
      },
    };
    const channel = new ControlChannel<WorkerMessage, CoordinatorMessage>(socket, WORKER_MESSAGE_SCHEMA, events, false);
  }

  /** Takes in a worker that knows the token. @returns undefined when the run needs no more. */
  #admit(
    channel: ControlChannel<WorkerMessage, CoordinatorMessage>,
    hello: Extract<WorkerMessage, { type: 'hello' }>,
  ): Member | undefined {
    if (this.#stage !== 'joining') {
      if (this.#failure !== undefined) channel.send(this.#failure);
      channel.send({ type: 'dismiss' });
      return undefined;
    }
    const member = new Member(channel, hello);
    this.#members.push(member);
    this.#options.onEvent({ type: 'joined', pid: member.pid, host: member.host, slots: member.slots });
    if (this.#slots >= this.#options.configuration.ranks) this.#covered.resolve(undefined);
    return member;
  }

  #handle(member: Member, message: WorkerMessage): void {
    switch (message.type) {
      case 'hello':
      case 'foreign-hello':
        return;
      case 'pong': {
        const sentNs = member.pings.get(message.sequence);
        if (sentNs === undefined) return;
        member.pings.delete(message.sequence);
        member.clock.push({ sentNs, workerNs: message.workerNs, receivedNs: hostNs() });
        if (member.clock.length > MOST_CLOCK_SAMPLES) member.clock.shift();
        return;
      }
      case 'unheard':
        member.unheard = message.workers;
        return;
      case 'listening':
        this.#expect(member, 'assigned', message);
        member.url = message.url;
        member.metricsTarget = message.metricsTarget;
        member.state = 'listening';
        this.#changed?.();
        return;
      case 'ready':
        this.#expect(member, 'listening', message);
        member.state = 'ready';
        this.#changed?.();
        return;
      case 'progress':
        this.#expect(member, 'running', message);
        this.#noteProgress(member, message);
        return;
      case 'numerics':
        this.#expect(member, 'running', message);
        member.noteHandedOver(message.rank, 'numerics');
        this.#options.spool.addNumerics(message.numerics);
        // Timeline and operations came before on the same connection.
        member.channel.send({ type: 'stored', rank: message.rank });
        return;
      case 'finished':
        this.#expect(member, 'running', message);
        if (this.#stage !== 'ending') member.expectAllHandedOver();
        member.statistics = message.statistics;
        member.state = 'finished';
        this.#options.onEvent({ type: 'finished', worker: member.worker });
        if (this.members.every(({ state }) => state === 'finished')) this.#finished.resolve(undefined);
        return;
      case 'failed':
        // It holds no ranks: it leaves, and another may come in its place.
        if (member.worker < 0) return;
        this.#failures.addReport(member, message.message, message.peerLost, message.unreached);
        this.#options.onEvent({ type: 'failed', message: `${member.name}: ${message.stack ?? message.message}` });
        this.#fail();
        return;
    }
  }

  #expect(member: Member, least: MemberState, { type }: WorkerMessage): void {
    // Of a run that ends, all hand over from wherever they are.
    if (this.#stage !== 'ending') member.expectAtLeast(least, type);
  }

  #noteProgress(member: Member, message: Extract<WorkerMessage, { type: 'progress' }>): void {
    member.progress = message.counter;
    for (const [rank, operation] of message.operations) member.current.set(rank, operation);
    const { operations, messagesSent } = message;
    const moves = decodeMoves(message.moves);
    this.#options.onEvent({ type: 'moved', worker: member.worker, operations, messagesSent, moves });
  }

  #store(member: Member, kind: BlobKind, index: number, bytes: Uint8Array): void {
    const { spool } = this.#options;
    if (member.worker < 0) return;
    this.#stored++;
    try {
      if (kind === BLOB_KIND.hostEvents) {
        const { worker, pid, host, ranks, offsetNs } = member;
        spool.addHostEvents({ worker, pid, host, ranks, offsetNs }, bytes);
      } else {
        member.noteHandedOver(index, kind === BLOB_KIND.timeline ? 'timeline' : 'operations');
        if (kind === BLOB_KIND.timeline) spool.storeTimeline(index, bytes);
        else spool.storeRecord(index, bytes);
      }
    } catch (error) {
      if (error instanceof ControlProtocolError) throw error;
      // The disk is full, say: that is this side's failure, whatever becomes of the worker.
      this.fail(error);
    }
  }

  #lost(member: Member, error: Error | undefined): void {
    if (this.#stage === 'ending' || member.state === 'finished') {
      member.state = 'gone';
      return;
    }
    member.state = 'gone';
    if (this.#stage === 'joining') {
      this.#members.splice(this.#members.indexOf(member), 1);
      this.#options.onEvent({ type: 'withdrawn', pid: member.pid, host: member.host, slots: member.slots });
      return;
    }
    if (member.worker < 0) return;
    this.#options.onEvent({ type: 'lost', worker: member.worker, ranks: member.ranks });
    this.#failures.addLost(member, error instanceof ControlProtocolError ? error.message : undefined);
    this.#fail();
  }

  /** Fails the run after a moment in which the cause may still show behind its consequences. */
  #fail(): void {
    const settle = (): void => {
      this.fail(this.#failures.rootCause(this.#members));
    };
    setTimeout(settle, CAUSE_GRACE_MS);
  }
}
