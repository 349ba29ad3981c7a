import { createServer } from 'node:http';
import type { Server } from 'node:http';
import { Strangers, closeServer, listenAt } from '@epemu/http';
import type { ListenAddress } from '@epemu/http';
import { WebSocketServer } from 'ws';
import type { WebSocket } from 'ws';
import { MAX_CONTROL_BYTES } from '../control/channel.js';

/** What may come before a hello is accepted: the request to upgrade, and the hello. */
const MOST_REQUEST_BYTES = 8 * 1024;
const MOST_STRANGER_BYTES = 16 * 1024;
/** How long somebody who says no hello may stay, all in all. */
const STRANGER_TIMEOUT_MS = 10_000;
/** Connections that have said no hello, at once, beyond those of workers that all come at the same time. */
const SPARE_CONNECTIONS = 64;

/** The coordinator's door: an HTTP server that takes WebSocket connections from workers and nothing from pages. */
export class CoordinatorServer {
  readonly #server: Server;
  readonly #sockets: WebSocketServer;

  /**
   * @param onSocket told of each connection; `welcome` is to be called when it is known to be a worker's.
   * @param workers how many may come.
   */
  constructor(onSocket: (socket: WebSocket, welcome: () => void) => void, workers = 1) {
    const limits = { headersTimeout: 5000, requestTimeout: 5000, connectionsCheckingInterval: 1000 };
    this.#server = createServer({ ...limits, maxHeaderSize: MOST_REQUEST_BYTES }, (_request, response) => {
      response.writeHead(404, { connection: 'close' }).end();
    });
    const strangers = new Strangers(this.#server, {
      connections: workers + SPARE_CONNECTIONS,
      bytes: MOST_STRANGER_BYTES,
      timeoutMs: STRANGER_TIMEOUT_MS,
    });
    this.#sockets = new WebSocketServer({
      server: this.#server,
      perMessageDeflate: false,
      maxPayload: MAX_CONTROL_BYTES,
      // Workers send no Origin; a web page that reaches for localhost does.
      verifyClient: ({ origin }: { origin?: string }) => origin === undefined || origin === '',
    });
    this.#sockets.on('connection', (socket, request) => {
      onSocket(socket, () => {
        strangers.welcome(request.socket);
      });
    });
    this.#sockets.on('error', () => undefined);
  }

  /** @throws ListenError when the port is taken. */
  listen(address: ListenAddress): Promise<ListenAddress> {
    return listenAt(this.#server, address, (where, why, taken) => {
      const other = taken
        ? ', maybe by another coordinator); choose another --port'
        : '); choose another --host or --port';
      return `the coordinator cannot listen on ${where} (${why}${other}`;
    });
  }

  /** Ends all connections and frees the port. */
  close(): Promise<void> {
    for (const socket of this.#sockets.clients) socket.terminate();
    this.#sockets.close();
    return closeServer(this.#server);
  }
}
