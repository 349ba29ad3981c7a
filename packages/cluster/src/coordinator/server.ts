import { timingSafeEqual } from 'node:crypto';
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import { closeServer, listenAt } from '@epemu/http';
import type { ListenAddress } from '@epemu/http';
import { WebSocketServer } from 'ws';
import type { WebSocket } from 'ws';
import { MAX_CONTROL_BYTES } from '../control/channel.js';

/** The coordinator's door: an HTTP server that takes WebSocket connections from workers and nothing from pages. */
export class CoordinatorServer {
  readonly #server: Server;
  readonly #sockets: WebSocketServer;

  constructor(onSocket: (socket: WebSocket) => void) {
    this.#server = createServer((_request, response) => {
      response.writeHead(404).end();
    });
    this.#server.headersTimeout = 5000;
    this.#server.requestTimeout = 5000;
    this.#sockets = new WebSocketServer({
      server: this.#server,
      perMessageDeflate: false,
      maxPayload: MAX_CONTROL_BYTES,
      // Workers send no Origin; a web page that reaches for localhost does.
      verifyClient: ({ origin }: { origin?: string }) => origin === undefined || origin === '',
    });
    this.#sockets.on('connection', onSocket);
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

/** Compares tokens in a time that does not tell how much of them agrees. */
export function sameToken(given: string, expected: string): boolean {
  const a = Buffer.from(given);
  const b = Buffer.from(expected);
  return a.length === b.length && timingSafeEqual(a, b);
}
