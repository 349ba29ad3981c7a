import type { IncomingMessage, ServerResponse } from 'node:http';
import { refuse } from '@epemu/http';

/** Pages that may look on at once; each costs a connection and at most two messages of memory. */
const MOST_CLIENTS = 100;
/** After how long a browser connects again, ms. */
const RETRY_MS = 1000;

/** @returns an event as `text/event-stream` frames it. */
export function eventFrame(event: string, data: string): string {
  // JSON has no bare line break; any other text would need a line for each.
  const lines = data.split(/\r\n|\r|\n/).map((line) => `data: ${line}\n`);
  return `event: ${event}\n${lines.join('')}\n`;
}

interface Client {
  readonly response: ServerResponse;
  /** Whether what was sent last is still on its way: nothing more is sent until it has left. */
  blocked: boolean;
  /** Whether updates passed it by meanwhile. */
  missed: boolean;
}

/**
 * Sends a run's updates to those who look on. Nobody is waited for: who reads too slowly misses updates and gets the
 * whole state instead as soon as the last message has left, so that nothing piles up.
 */
export class EventHub {
  readonly #clients = new Set<Client>();
  readonly #snapshot: () => string;

  /** @param snapshot the whole state as JSON. */
  constructor(snapshot: () => string) {
    this.#snapshot = snapshot;
  }

  /** How many look on. */
  get clients(): number {
    return this.#clients.size;
  }

  /** Bytes that wait to be sent to the slowest. */
  get mostWaitingBytes(): number {
    return Math.max(0, ...[...this.#clients].map(({ response }) => response.writableLength));
  }

  /** Answers a request for events: the state now, then what changes. */
  connect(request: IncomingMessage, response: ServerResponse): void {
    if (this.#clients.size >= MOST_CLIENTS) {
      refuse(response, 503, `${MOST_CLIENTS} pages look on already`);
      return;
    }
    response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
    if (request.method === 'HEAD') {
      response.end();
      return;
    }
    const client: Client = { response, blocked: false, missed: false };
    this.#clients.add(client);
    response.on('close', () => this.#clients.delete(client));
    response.on('drain', () => {
      client.blocked = false;
      if (client.missed) this.#sendSnapshot(client);
    });
    response.write(`retry: ${RETRY_MS}\n\n`);
    this.#sendSnapshot(client);
  }

  /** Sends an event to all who keep up. */
  send(event: string, data: string): void {
    if (this.#clients.size === 0) return;
    const frame = eventFrame(event, data);
    for (const client of this.#clients) {
      if (client.blocked) client.missed = true;
      else this.#write(client, frame);
    }
  }

  /** Lets all go, once what they were sent has left. */
  end(): void {
    for (const { response } of this.#clients) response.end();
  }

  #sendSnapshot(client: Client): void {
    client.missed = false;
    this.#write(client, eventFrame('snapshot', this.#snapshot()));
  }

  #write(client: Client, frame: string): void {
    client.blocked = !client.response.write(frame);
  }
}
