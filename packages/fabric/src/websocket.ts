import { type Deferred, deferred, InvariantError } from '@epemu/core';
import type { TlsIdentity } from '@epemu/http';
import type { WebSocket } from 'ws';
import { asRejection } from './as-rejection.js';
import { Dialer } from './dialer.js';
import { ConnectError, FabricClosedError, HandshakeError, type PeerLostError } from './errors.js';
import { DEFAULT_CREDITS_PER_PEER, DEFAULT_MAX_PAYLOAD_BYTES, newCounters } from './fabric.js';
import type { Endpoint, Fabric, FabricStatistics, Receiver } from './fabric.js';
import { encodeHello, type Hello, ownHello } from './handshake.js';
import { Listener } from './listener.js';
import { LocalDelivery } from './local-delivery.js';
import type { OutgoingHeader, OutgoingPayload } from './messages.js';
import { type HostEventListener, type LinkContext, PeerLink } from './peer-link.js';
import { longestFrame } from './socket-options.js';

/** Options of {@link WebSocketFabric}. All workers of a run must have the same limits. */
export interface WebSocketFabricOptions {
  /** Index of this worker. */
  readonly worker: number;
  /** The worker of each rank, by rank. */
  readonly workerOfRank: readonly number[];
  /** Workers of another run are refused. */
  readonly runId: string;
  /** Secret of the run; never printed. */
  readonly token: string;
  /** Payloads that may be unreleased per (from, to, stream, hop). @default 8 */
  readonly creditsPerPeer?: number;
  /** A frame is not made longer than this unless a single message is. @default 1 MiB */
  readonly frameBytes?: number;
  /** The longest payload. @default 64 MiB */
  readonly maxPayloadBytes?: number;
  /** Payloads wait while more bytes than this are buffered for a socket. @default 8 MiB */
  readonly highWaterBytes?: number;
  /** Address to listen on. @default 127.0.0.1 */
  readonly host?: string;
  /** With a certificate, peers connect encrypted; with authorities, certificates of both sides must be of theirs. */
  readonly tls?: TlsIdentity;
  /** How long `connect` may take. @default 30000 */
  readonly connectTimeoutMs?: number;
  /** How long a new connection may take to say hello. @default 5000 */
  readonly helloTimeoutMs?: number;
  /** How long `close` waits for peers to answer before it drops them. @default 5000 */
  readonly closeTimeoutMs?: number;
  /** Called once per data frame. */
  readonly onHostEvent?: HostEventListener;
  /** Called for every incoming connection that was refused; such a connection by itself ends nothing. */
  readonly onRefused?: (error: HandshakeError) => void;
}

/** Connections that have said no hello, at once, beyond those of all peers, which may all come at the same time. */
const SPARE_CONNECTIONS = 64;

/** The fabric between processes: one WebSocket per pair of workers carries all messages of their ranks. */
export class WebSocketFabric implements Fabric {
  readonly #options: WebSocketFabricOptions;
  readonly #closeTimeoutMs: number;
  readonly #maxPayload: number;
  readonly #hello: Hello;
  readonly #counters = newCounters();
  readonly #local: LocalDelivery;
  readonly #context: LinkContext;
  readonly #listener: Listener;
  readonly #links = new Map<number, PeerLink>();
  /** Incoming connections that wait for this side's `connect` before they are answered. */
  readonly #parked = new Map<number, WebSocket>();
  readonly #dialers = new Map<number, Dialer>();
  /** Workers that `connect` still waits for; undefined before it is called. */
  #missing: Set<number> | undefined;
  readonly #meshed: Deferred<undefined> = deferred();
  #lastRefusal: HandshakeError | undefined;
  #closing: Promise<void> | undefined;

  /** @throws InvariantError when a limit or the worker index is out of range. */
  constructor(options: WebSocketFabricOptions) {
    const { worker, workerOfRank } = options;
    if (!Number.isSafeInteger(worker) || worker < 0) throw new InvariantError(`worker ${worker} is not an index`);
    this.#options = options;
    this.#hello = ownHello(options);
    this.#closeTimeoutMs = options.closeTimeoutMs ?? 5000;
    const creditsPerPeer = options.creditsPerPeer ?? DEFAULT_CREDITS_PER_PEER;
    const frameBytes = options.frameBytes ?? 1024 * 1024;
    const maxPayloadBytes = options.maxPayloadBytes ?? DEFAULT_MAX_PAYLOAD_BYTES;
    this.#maxPayload = longestFrame(frameBytes, maxPayloadBytes);
    const local = new LocalDelivery({ creditsPerPeer, maxPayloadBytes, counters: this.#counters });
    this.#local = local;
    this.#context = {
      worker,
      workerOfRank,
      creditsPerPeer,
      frameBytes,
      maxPayloadBytes,
      highWaterBytes: options.highWaterBytes ?? 8 * 1024 * 1024,
      counters: this.#counters,
      onHostEvent: options.onHostEvent,
      receiverOf: (rank) => local.receiverOf(rank),
      onLinkEnd: (_link, error, left) => {
        this.#onLinkEnd(error, left);
      },
    };
    this.#listener = new Listener({
      host: options.host ?? '127.0.0.1',
      tls: options.tls,
      hello: this.#hello,
      maxPayload: this.#maxPayload,
      closeTimeoutMs: this.#closeTimeoutMs,
      helloTimeoutMs: options.helloTimeoutMs ?? 5000,
      maxStrangers: new Set(workerOfRank).size + SPARE_CONNECTIONS,
      onHello: (peer, socket) => {
        this.#onHello(peer, socket);
      },
      onRefused: (error) => {
        this.#onRefused(error);
      },
    });
  }

  attach(rank: number, receiver: Receiver): Endpoint {
    const { worker, workerOfRank } = this.#options;
    if (workerOfRank[rank] !== worker) throw new InvariantError(`rank ${rank} is not on worker ${worker}`);
    this.#local.attach(rank, receiver);
    return {
      rank,
      sendHeader: (header: OutgoingHeader): void => {
        (this.#linkTo(header.to) ?? this.#local).sendHeader(rank, header);
      },
      sendPayload: (payload: OutgoingPayload): Promise<void> =>
        asRejection(() => (this.#linkTo(payload.to) ?? this.#local).sendPayload(rank, payload)),
    };
  }

  get statistics(): FabricStatistics {
    return { ...this.#counters };
  }

  /**
   * Starts to accept peers; call it once, before `connect`.
   *
   * @param port 0 for any free one.
   * @returns where it listens.
   */
  async listen(port = 0): Promise<{ host: string; port: number }> {
    if (this.#closing !== undefined) throw new FabricClosedError();
    return this.#listener.listen(port);
  }

  /**
   * Connects the mesh: of two workers the lower dials the higher. Call it once, on both sides, after all local ranks
   * are attached: handlers may be called as soon as the first peer is connected.
   *
   * @param peers the other workers and where they listen, `ws://host:port`.
   * @returns when all of them are connected.
   * @throws HandshakeError when a peer is not of this run, ConnectError when some are missing at the deadline,
   *   PeerLostError when one is lost meanwhile, FabricClosedError when `close` is called meanwhile.
   */
  async connect(peers: readonly { worker: number; url: string }[]): Promise<void> {
    if (this.#closing !== undefined) throw new FabricClosedError();
    if (this.#missing !== undefined) throw new InvariantError('connect was called before');
    const missing = new Set(peers.map(({ worker }) => worker));
    const { worker } = this.#options;
    if (missing.size !== peers.length || missing.has(worker)) {
      throw new InvariantError(`the peers of worker ${worker} must be others, each listed once`);
    }
    this.#missing = missing;
    for (const [parkedWorker, socket] of [...this.#parked]) this.#answer(parkedWorker, socket);
    for (const peer of peers) if (peer.worker > worker) this.#dial(peer.worker, peer.url);
    if (missing.size === 0) this.#meshed.resolve(undefined);
    const timeoutMs = this.#options.connectTimeoutMs ?? 30_000;
    const timer = setTimeout(() => {
      this.#meshed.reject(this.#connectError(timeoutMs));
    }, timeoutMs);
    try {
      await this.#meshed.promise;
    } finally {
      clearTimeout(timer);
      for (const dialer of this.#dialers.values()) dialer.stop();
    }
  }

  /** @returns indices of workers that are not connected or do not answer for so long, ascending: busy, stopped or cut off. */
  async unheardPeers(timeoutMs: number): Promise<number[]> {
    const links = [...this.#links.values()];
    const heard = await Promise.all(links.map((link) => link.answers(timeoutMs)));
    const unheard = links.filter((_, index) => !heard[index]);
    return [...unheard.map(({ peerWorker }) => peerWorker), ...(this.#missing ?? [])].sort((a, b) => a - b);
  }

  close(): Promise<void> {
    return (this.#closing ??= this.#shutDown());
  }

  async #shutDown(): Promise<void> {
    this.#meshed.reject(new FabricClosedError());
    this.#local.close();
    for (const dialer of this.#dialers.values()) dialer.stop();
    for (const socket of this.#parked.values()) socket.terminate();
    const stragglers = setTimeout(() => {
      for (const link of this.#links.values()) link.terminate();
    }, this.#closeTimeoutMs);
    await Promise.all([...this.#links.values()].map((link) => link.leave()));
    clearTimeout(stragglers);
    await this.#listener.close();
  }

  /** @returns the link to a rank's worker; undefined when that is this worker. */
  #linkTo(rank: number): PeerLink | undefined {
    const { worker, workerOfRank } = this.#options;
    if (!(rank in workerOfRank)) throw new InvariantError(`nothing can be sent to rank ${rank}: there is none`);
    const peer = workerOfRank[rank];
    if (peer === worker) return undefined;
    const link = this.#links.get(peer);
    if (link !== undefined) return link;
    if (this.#closing !== undefined) throw new FabricClosedError();
    throw new InvariantError(`nothing can be sent to rank ${rank}: worker ${peer} is not connected`);
  }

  #dial(worker: number, url: string): void {
    const dialer = new Dialer({
      url,
      tls: this.#options.tls,
      worker,
      hello: this.#hello,
      maxPayload: this.#maxPayload,
      closeTimeoutMs: this.#closeTimeoutMs,
      onConnected: (socket) => {
        this.#establish(worker, socket);
      },
      onRefused: (error) => {
        this.#meshed.reject(error);
      },
    });
    this.#dialers.set(worker, dialer);
  }

  #onHello(peer: number, socket: WebSocket): void {
    const { worker, workerOfRank } = this.#options;
    if (peer >= worker || !workerOfRank.includes(peer)) {
      throw new HandshakeError('worker', `worker ${peer} dialled worker ${worker}, which expects no such peer`, true);
    }
    if (this.#links.has(peer)) {
      throw new HandshakeError('worker', `worker ${peer} is connected to worker ${worker} already`, true);
    }
    if (this.#closing !== undefined) socket.terminate();
    else if (this.#missing !== undefined) this.#answer(peer, socket);
    else this.#park(peer, socket);
  }

  /** This side's ranks may not be attached yet, so the peer gets no answer, after which it could send, until then. */
  #park(peer: number, socket: WebSocket): void {
    // The peer dials again only when its last attempt has failed.
    this.#parked.get(peer)?.terminate();
    this.#parked.set(peer, socket);
    socket.once('close', () => {
      if (this.#parked.get(peer) === socket) this.#parked.delete(peer);
    });
    socket.once('message', () => {
      if (this.#parked.get(peer) === socket) socket.terminate();
    });
  }

  #answer(peer: number, socket: WebSocket): void {
    this.#parked.delete(peer);
    socket.send(encodeHello(this.#hello));
    this.#establish(peer, socket);
  }

  #establish(peer: number, socket: WebSocket): void {
    this.#links.set(peer, new PeerLink(socket, peer, this.#context));
    this.#missing?.delete(peer);
    if (this.#missing?.size === 0) this.#meshed.resolve(undefined);
  }

  /** Only those who know the token can end a run by being refused. */
  #onRefused(error: HandshakeError): void {
    this.#lastRefusal = error;
    if (error.authenticated && this.#missing !== undefined && this.#missing.size > 0) this.#meshed.reject(error);
    this.#options.onRefused?.(error);
  }

  #onLinkEnd(error: PeerLostError, left: boolean): void {
    if (this.#closing !== undefined) return;
    // Without effect once the mesh stood.
    this.#meshed.reject(error);
    if (left) return;
    for (const receiver of this.#local.receivers()) receiver.onPeerLost(error);
  }

  #connectError(timeoutMs: number): ConnectError {
    const missing = [...this.#missing!].sort((a, b) => a - b);
    const cause =
      missing.map((worker) => this.#dialers.get(worker)?.lastError).find((error) => error) ?? this.#lastRefusal;
    const detail = cause === undefined ? '' : ` (${cause.message})`;
    return new ConnectError(
      `worker ${this.#options.worker} could not connect to worker ${missing.join(', ')} within ${timeoutMs} ms${detail}`,
      missing,
      { cause },
    );
  }
}
