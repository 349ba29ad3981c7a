import type { Server } from 'node:http';
import { hostname } from 'node:os';
import { messageOf } from '@epemu/core';
import {
  Strangers,
  certificateRefusal,
  closeServer,
  createAnyServer,
  hostAndPort,
  isWildcard,
  listenAt,
  refusalHeaders,
} from '@epemu/http';
import type { ListenAddress, TlsIdentity } from '@epemu/http';
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

/** How long a connection may take to become encrypted, ms. */
const HANDSHAKE_MS = 5000;

/** What a {@link CoordinatorServer} needs to know and whom it tells. */
interface CoordinatorServerOptions {
  /** How many workers may come. */
  readonly workers: number;
  /** Take encrypted connections only. */
  readonly tls: TlsIdentity | undefined;
  /** Told of each connection; `welcome` is to be called when it is known to be a worker's. */
  readonly onSocket: (socket: WebSocket, welcome: () => void) => void;
  /** Told why somebody was turned away before there was a connection. */
  readonly onRefused: (why: string) => void;
}

/** The coordinator's door: an HTTP server that takes WebSocket connections from workers and nothing from pages. */
export class CoordinatorServer {
  readonly #server: Server;
  readonly #sockets: WebSocketServer;
  readonly #strangers: Strangers;
  readonly #scheme: 'ws' | 'wss';

  constructor({ workers, tls, onSocket, onRefused }: CoordinatorServerOptions) {
    this.#scheme = tls === undefined ? 'ws' : 'wss';
    const limits = { headersTimeout: 5000, requestTimeout: 5000, connectionsCheckingInterval: 1000 };
    const options = { ...limits, maxHeaderSize: MOST_REQUEST_BYTES };
    this.#server = createAnyServer(tls, options, HANDSHAKE_MS, (_request, response) => {
      response.writeHead(404, { connection: 'close' }).end();
    });
    this.#server.on('tlsClientError', (error: Error) => {
      onRefused(`its connection could not be encrypted (${messageOf(error)})`);
    });
    const strangers = new Strangers(this.#server, {
      connections: workers + SPARE_CONNECTIONS,
      bytes: MOST_STRANGER_BYTES,
      timeoutMs: STRANGER_TIMEOUT_MS,
    });
    this.#strangers = strangers;
    this.#sockets = new WebSocketServer({
      server: this.#server,
      perMessageDeflate: false,
      maxPayload: MAX_CONTROL_BYTES,
      verifyClient: ({ req }, answer) => {
        const why = certificateRefusal(req, tls);
        if (why !== undefined) onRefused(why);
        // Workers send no Origin; a web page that reaches for localhost does.
        const refused = why !== undefined || (req.headers.origin ?? '') !== '';
        answer(!refused, 401, undefined, why === undefined ? {} : refusalHeaders(why));
      },
    });
    this.#sockets.on('connection', (socket, request) => {
      onSocket(socket, () => {
        strangers.welcome(request.socket);
      });
    });
    this.#sockets.on('error', () => undefined);
  }

  /** @returns the address to give workers. A wildcard says where to listen, not whom to call. */
  urlOf({ host, port }: ListenAddress): string {
    return `${this.#scheme}://${hostAndPort(isWildcard(host) ? hostname() : host, port)}`;
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
    this.#strangers.end();
    return closeServer(this.#server);
  }
}
