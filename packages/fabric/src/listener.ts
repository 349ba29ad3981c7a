import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type WebSocket, WebSocketServer } from 'ws';
import { CLOSE_CODE, HandshakeError, printable, REFUSAL_CODE } from './errors.js';
import { checkHello, type Hello } from './handshake.js';
import { serverSocketOptions } from './socket-options.js';

/** What a listener needs to know and whom it tells. */
export interface ListenerOptions {
  readonly host: string;
  readonly hello: Hello;
  readonly maxPayload: number;
  readonly closeTimeoutMs: number;
  /** Connections that have not upgraded or not said hello by then are closed. */
  readonly helloTimeoutMs: number;
  readonly maxConnections: number;
  /**
   * Called within the arrival of a valid hello: the socket is the callee's, which answers the hello.
   *
   * @throws HandshakeError to refuse this worker.
   */
  readonly onHello: (worker: number, socket: WebSocket) => void;
  readonly onRefused: (error: HandshakeError) => void;
}

/** Accepts peers: HTTP upgrade without Origin, then a hello in time, or the connection is closed. */
export class Listener {
  readonly #options: ListenerOptions;
  readonly #http: Server;
  readonly #webSockets: WebSocketServer;
  readonly #strangers = new Map<WebSocket, NodeJS.Timeout>();

  constructor(options: ListenerOptions) {
    this.#options = options;
    const { helloTimeoutMs } = options;
    this.#http = createServer(
      { headersTimeout: helloTimeoutMs, requestTimeout: helloTimeoutMs, connectionsCheckingInterval: 1000 },
      (_request, response) => {
        response.writeHead(426, { connection: 'close' }).end('this port speaks WebSocket\n');
      },
    );
    this.#http.maxConnections = options.maxConnections;
    this.#webSockets = new WebSocketServer({
      ...serverSocketOptions(options.maxPayload, options.closeTimeoutMs),
      server: this.#http,
      clientTracking: false,
      // Only web pages send an Origin, and no web page has business here.
      verifyClient: ({ req }, answer) => {
        answer(req.headers.origin === undefined, 403);
      },
    });
    this.#webSockets.on('connection', (socket) => {
      this.#onConnection(socket);
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
    for (const socket of this.#strangers.keys()) socket.terminate();
    this.#webSockets.close();
    if (!this.#http.listening) return;
    await new Promise<void>((resolve) => {
      this.#http.close(() => {
        resolve();
      });
      this.#http.closeAllConnections();
    });
  }

  #onConnection(socket: WebSocket): void {
    const { helloTimeoutMs, hello, onHello } = this.#options;
    const timer = setTimeout(() => {
      this.#refuse(socket, new HandshakeError('hello', 'a connection said no hello in time'), CLOSE_CODE.helloTimeout);
    }, helloTimeoutMs);
    this.#strangers.set(socket, timer);
    // Errors end in 'close'.
    socket.on('error', () => undefined);
    const onClose = (): void => {
      this.#forget(socket);
    };
    socket.once('close', onClose);
    socket.once('message', (data, isBinary) => {
      clearTimeout(timer);
      try {
        if (!isBinary) throw new HandshakeError('hello', 'the first message is not a hello: it is text');
        const worker = checkHello(data as Buffer, hello);
        this.#strangers.delete(socket);
        socket.off('close', onClose);
        onHello(worker, socket);
      } catch (error) {
        if (!(error instanceof HandshakeError)) throw error;
        this.#strangers.set(socket, timer);
        socket.once('close', onClose);
        this.#refuse(socket, error, REFUSAL_CODE[error.subject]);
      }
    });
  }

  #refuse(socket: WebSocket, error: HandshakeError, code: number): void {
    socket.close(code, printable(error.message));
    this.#options.onRefused(error);
  }

  #forget(socket: WebSocket): void {
    clearTimeout(this.#strangers.get(socket));
    this.#strangers.delete(socket);
  }
}
