import { timingSafeEqual } from 'node:crypto';
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import { messageOf } from '@epemu/core';
import { ListenError, hostAndPort } from '@epemu/http';
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
  listen(host: string, port: number): Promise<{ host: string; port: number }> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', (error) => {
        const taken = (error as NodeJS.ErrnoException).code === 'EADDRINUSE';
        const why = taken ? 'the port is in use, maybe by another coordinator' : messageOf(error);
        reject(
          new ListenError(
            `the coordinator cannot listen on ${hostAndPort(host, port)} (${why}); choose another ${taken ? '--port' : '--host or --port'}`,
          ),
        );
      });
      this.#server.listen(port, host, () => {
        const address = this.#server.address();
        const bound = typeof address === 'object' && address !== null ? address.port : port;
        resolve({ host, port: bound });
      });
    });
  }

  /** Ends all connections and frees the port. */
  close(): Promise<void> {
    for (const socket of this.#sockets.clients) socket.terminate();
    this.#sockets.close();
    return new Promise((resolve) => {
      this.#server.close(() => {
        resolve();
      });
      // Who connected and has not said a word would be waited for: no timeout runs after the end.
      this.#server.closeAllConnections();
    });
  }
}

/** Compares tokens in a time that does not tell how much of them agrees. */
export function sameToken(given: string, expected: string): boolean {
  const a = Buffer.from(given);
  const b = Buffer.from(expected);
  return a.length === b.length && timingSafeEqual(a, b);
}
