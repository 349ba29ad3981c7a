import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import { Server as TlsServer } from 'node:tls';
import type { TLSSocket } from 'node:tls';

/** What those may cost who have not said who they are. */
export interface StrangerLimits {
  /** Connections of theirs at once; the oldest gives way to one more, so that who says it at once is never kept out. */
  readonly connections: number;
  /** Bytes that each may send until then. */
  readonly bytes: number;
  /** How long each may take, ms. */
  readonly timeoutMs: number;
}

/** Connections of a server that have not said who they are: few, with little to say, and not for long. */
export class Strangers {
  /** Each with what ends the watch over it; the oldest first. */
  readonly #watched = new Map<Socket, () => void>();
  readonly #limits: StrangerLimits;

  /** Begins with the server's next connection. */
  constructor(server: Server, limits: StrangerLimits) {
    this.#limits = limits;
    if (!(server instanceof TlsServer)) {
      server.on('connection', (socket: Socket) => {
        this.#watch(socket);
      });
      return;
    }
    // What comes before a connection is encrypted is OpenSSL's to limit: reading it here would take it away.
    server.on('connection', (socket: Socket) => {
      this.#watch(socket, false);
    });
    server.on('secureConnection', (socket: TLSSocket) => {
      this.#secured(socket);
    });
  }

  /** How many there are. */
  get count(): number {
    return this.#watched.size;
  }

  /** The other side is known from now on: nothing of the above holds for it. */
  welcome(socket: Socket): void {
    this.#watched.get(socket)?.();
  }

  /** Ends all of them: a server that closes does not know of those that are not encrypted yet. */
  end(): void {
    for (const socket of this.#watched.keys()) socket.destroy();
  }

  /** A connection is encrypted: the socket to read from is another one. */
  #secured(socket: TLSSocket): void {
    for (const [watched, end] of this.#watched) {
      if (watched.remotePort !== socket.remotePort || watched.remoteAddress !== socket.remoteAddress) continue;
      end();
      break;
    }
    this.#watch(socket);
  }

  /** @param counted whether its bytes are looked at. */
  #watch(socket: Socket, counted = true): void {
    const { connections, bytes, timeoutMs } = this.#limits;
    const end = (): void => {
      clearTimeout(timer);
      this.#watched.delete(socket);
      socket.off('data', count);
      socket.off('close', end);
    };
    const count = (): void => {
      if (socket.bytesRead > bytes) socket.destroy();
    };
    const timer = setTimeout(() => {
      // A process that was busy or stopped reads what has come meanwhile first.
      setImmediate(() => {
        if (this.#watched.has(socket)) socket.destroy();
      });
    }, timeoutMs);
    this.#watched.set(socket, end);
    if (counted) socket.on('data', count);
    socket.once('close', end);
    if (this.#watched.size > connections) this.#watched.keys().next().value?.destroy();
  }
}
