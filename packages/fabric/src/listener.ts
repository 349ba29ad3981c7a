import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Socket } from 'node:net';
import { Strangers, certificateRefusal, createAnyServer, refusalHeaders } from '@epemu/http';
import type { TlsIdentity } from '@epemu/http';
import { type WebSocket, WebSocketServer } from 'ws';
import { CLOSE_CODE, HandshakeError, printable, REFUSAL_CODE } from './errors.js';
import { checkHello, type Hello } from './handshake.js';
import { serverSocketOptions } from './socket-options.js';

/** What a listener needs to know and whom it tells. */
export interface ListenerOptions {
  readonly host: string;
  /** Take encrypted connections only. */
  readonly tls: TlsIdentity | undefined;
  readonly hello: Hello;
  readonly maxPayload: number;
  readonly closeTimeoutMs: number;
  /** Connections that have not upgraded or not said hello by then are closed. */
  readonly helloTimeoutMs: number;
  /** Connections that have not said hello, at once. */
  readonly maxStrangers: number;
  /**
   * Called within the arrival of a valid hello: the socket is the callee's, which answers the hello.
   *
   * @throws HandshakeError to refuse this worker.
   */
  readonly onHello: (worker: number, socket: WebSocket) => void;
  readonly onRefused: (error: HandshakeError) => void;
}

/** What may come before a hello is accepted: the request to upgrade, and the hello. */
const MOST_REQUEST_BYTES = 8 * 1024;
const MOST_STRANGER_BYTES = 16 * 1024;
/** How long whoever was refused may take to close. */
const REFUSED_MS = 1000;

/** Accepts peers: HTTP upgrade without Origin, then a hello in time, or the connection is closed. */
export class Listener {
  readonly #options: ListenerOptions;
  readonly #http: Server;
  readonly #webSockets: WebSocketServer;
  readonly #strangers: Strangers;
  /** WebSockets without a hello, and those refused. */
  readonly #waiting = new Map<WebSocket, NodeJS.Timeout>();

  constructor(options: ListenerOptions) {
    this.#options = options;
    const { helloTimeoutMs, tls } = options;
    this.#http = createAnyServer(
      tls,
      {
        headersTimeout: helloTimeoutMs,
        requestTimeout: helloTimeoutMs,
        connectionsCheckingInterval: 1000,
        maxHeaderSize: MOST_REQUEST_BYTES,
      },
      helloTimeoutMs,
      (_request, response) => {
        response.writeHead(426, { connection: 'close' }).end('this port speaks WebSocket\n');
      },
    );
    this.#strangers = new Strangers(this.#http, {
      connections: options.maxStrangers,
      bytes: MOST_STRANGER_BYTES,
      // Who has upgraded is told first why the connection ends.
      timeoutMs: 2 * helloTimeoutMs,
    });
    this.#webSockets = new WebSocketServer({
      ...serverSocketOptions(options.maxPayload, options.closeTimeoutMs),
      server: this.#http,
      clientTracking: false,
      // Only web pages send an Origin, and no web page has business here.
      verifyClient: ({ req }, answer) => {
        const why = certificateRefusal(req, tls);
        if (why !== undefined) options.onRefused(new HandshakeError('certificate', `a connection was refused: ${why}`));
        const refused = why !== undefined || req.headers.origin !== undefined;
        answer(!refused, 403, undefined, why === undefined ? {} : refusalHeaders(why));
      },
    });
    this.#webSockets.on('connection', (socket, request) => {
      this.#onConnection(socket, request.socket);
    });
  }

  /** @returns where it listens. */
  listen(port: number): Promise<{ host: string; port: number }> {
    const { host } = this.#options;
    return new Promise((resolve, reject) => {
      // ws forwards the HTTP server's errors; both must have a listener.
      this.#webSockets.once('error', reject);
      this.#http.listen(port, host, () => {
        this.#webSockets.off('error', reject);
        this.#webSockets.on('error', () => undefined);
        resolve({ host, port: (this.#http.address() as AddressInfo).port });
      });
    });
  }

  /** Stops accepting and drops who has not said hello. @returns when the port is free; needs all peers gone. */
  async close(): Promise<void> {
    for (const socket of this.#waiting.keys()) socket.terminate();
    this.#webSockets.close();
    if (!this.#http.listening) return;
    await new Promise<void>((resolve) => {
      this.#http.close(() => {
        resolve();
      });
      this.#strangers.end();
      this.#http.closeAllConnections();
    });
  }

  #onConnection(socket: WebSocket, connection: Socket): void {
    const { helloTimeoutMs, hello, onHello } = this.#options;
    const timer = setTimeout(() => {
      // A process that was busy or stopped reads what has come meanwhile first.
      setImmediate(() => {
        if (this.#waiting.get(socket) !== timer) return;
        const late = new HandshakeError('hello', 'a connection said no hello in time');
        this.#refuse(socket, late, CLOSE_CODE.helloTimeout);
      });
    }, helloTimeoutMs);
    this.#waiting.set(socket, timer);
    // Errors end in 'close'.
    socket.on('error', () => undefined);
    socket.once('close', () => {
      this.#forget(socket);
    });
    // Nothing is heard after the first message of one that is refused.
    socket.once('message', (data, isBinary) => {
      if (this.#waiting.get(socket) !== timer) return;
      try {
        if (!isBinary) throw new HandshakeError('hello', 'the first message is not a hello: it is text');
        const worker = checkHello(data as Buffer, hello);
        onHello(worker, socket);
        this.#forget(socket);
        this.#strangers.welcome(connection);
      } catch (error) {
        if (!(error instanceof HandshakeError)) throw error;
        this.#refuse(socket, error, REFUSAL_CODE[error.subject]);
      }
    });
  }

  /** Tells a connection why it ends. It stays a stranger's for the moment that takes, and is heard no more. */
  #refuse(socket: WebSocket, error: HandshakeError, code: number): void {
    this.#forget(socket);
    const timer = setTimeout(() => {
      socket.terminate();
    }, REFUSED_MS);
    this.#waiting.set(socket, timer);
    socket.close(code, printable(error.message));
    this.#options.onRefused(error);
  }

  #forget(socket: WebSocket): void {
    clearTimeout(this.#waiting.get(socket));
    this.#waiting.delete(socket);
  }
}
