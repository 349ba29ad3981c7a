import type { Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { EpemuError, messageOf } from '@epemu/core';
import { hostAndPort } from './address.js';
import type { ListenAddress } from './address.js';

/** Thrown when an address cannot be listened on. */
export class ListenError extends EpemuError {}

/**
 * Starts to listen.
 * @param sentence makes the error's sentence from the address, why it cannot be listened on, and whether that is because
 * the port is in use.
 * @returns where it listens.
 * @throws ListenError when the port is taken or the host is not this machine's.
 */
export function listenAt(
  server: Server,
  { host, port }: ListenAddress,
  sentence: (address: string, why: string, taken: boolean) => string,
): Promise<ListenAddress> {
  return new Promise((resolve, reject) => {
    server.once('error', (error) => {
      const taken = (error as NodeJS.ErrnoException).code === 'EADDRINUSE';
      const why = taken ? 'the port is in use' : messageOf(error);
      reject(new ListenError(sentence(hostAndPort(host, port), why, taken)));
    });
    server.listen(port, host, () => {
      resolve({ host, port: (server.address() as AddressInfo).port });
    });
  });
}

/** Ends all connections and frees the port. */
export function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => {
      resolve();
    });
    // Who connected and has not said a word would be waited for: no timeout runs after the end.
    server.closeAllConnections();
  });
}

/** Answers that there is nothing, and why. */
export function refuse(response: ServerResponse, status: number, why: string): void {
  response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8' }).end(`${why}\n`);
}
