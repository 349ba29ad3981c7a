import type { Socket } from 'node:net';
import { setImmediate as turn, setTimeout as delay } from 'node:timers/promises';
import { deferred } from '@epemu/core';
import { GetServer } from '@epemu/http';
import type { ListenAddress, RequestHandler } from '@epemu/http';
import type { MetricKey } from './catalogue.js';
import { Exposition } from './exposition.js';

/** Port that metrics are served on unless another is asked for. */
export const DEFAULT_METRICS_ADDRESS: ListenAddress = { host: '127.0.0.1', port: 9464 };
/** How long a process waits after its end for its last values to be scraped, unless told otherwise, s. */
export const DEFAULT_LINGER_SECONDS = 5;

/** By then a client that is gone has refused what it was sent; one that reads may keep its connection. */
const REFUSAL_MS = 200;

/** Something that has values to show. */
export interface Collector {
  /** Called at each scrape: sets all its values; nothing is done between scrapes. */
  collect(exposition: Exposition): void;
}

/** Serves `GET /metrics` and `GET /healthz`. */
export class MetricsServer {
  readonly #server: GetServer;
  readonly #exposition: Exposition;
  readonly #collectors: Collector[] = [];
  readonly #scraped = deferred<undefined>();
  #final = false;
  #taken = false;
  /** The scrape under way: one at a time, for they share an exposition. */
  #turn: Promise<unknown> = Promise.resolve();

  private constructor(exposition: Exposition, state: () => string, more: Readonly<Record<string, RequestHandler>>) {
    this.#exposition = exposition;
    this.#server = new GetServer({
      what: 'the metrics page',
      option: '--metrics address',
      routes: {
        ...more,
        '/metrics': async (request, response) => {
          const { socket } = request;
          const final = this.#final;
          const text = await this.#scrape();
          // Who gave up while this process was busy, with merging say, still stands in line: its request is read in one
          // turn of the event loop, its leaving in the next.
          await turn();
          await turn();
          if (final && !this.#taken && request.method === 'GET' && !socket.readableEnded && !socket.destroyed) {
            response.once('finish', () => {
              this.#noteTaken(socket);
            });
          }
          response.writeHead(200, { 'content-type': this.#exposition.contentType }).end(text);
        },
        '/healthz': (_request, response) => {
          response.writeHead(200, { 'content-type': 'text/plain; charset=utf-8' }).end(`${state()}\n`);
        },
      },
    });
  }

  /**
   * Starts to listen.
   * @param families what the collectors have.
   * @param state what `/healthz` says, one line.
   * @param more what else is served, by path.
   * @returns the server and where it listens.
   * @throws ListenError naming the address.
   */
  static async open(
    address: ListenAddress,
    families: readonly MetricKey[],
    state: () => string,
    more: Readonly<Record<string, RequestHandler>> = {},
  ): Promise<{ server: MetricsServer; address: ListenAddress }> {
    const server = new MetricsServer(await Exposition.open(families), state, more);
    return { server, address: await server.#server.listen(address) };
  }

  /** Adds what is to be shown from now on. */
  add(collector: Collector): void {
    this.#collectors.push(collector);
  }

  /**
   * Nothing changes any more: waits until that has been scraped once, for at most some seconds, or until the signal
   * aborts.
   */
  async linger(seconds: number, signal?: AbortSignal): Promise<void> {
    this.#final = true;
    const scraped = new AbortController();
    const ends = signal === undefined ? scraped.signal : AbortSignal.any([scraped.signal, signal]);
    void this.#scraped.promise.then(() => {
      scraped.abort();
    });
    await delay(seconds * 1000, undefined, { signal: ends }).catch(() => undefined);
  }

  /** Ends all connections and frees the port. */
  async close(): Promise<void> {
    await this.#server.close();
  }

  /** The last values have been handed to the operating system: they count as scraped unless the other side is gone. */
  #noteTaken(socket: Socket): void {
    const taken = (): void => {
      this.#taken = true;
      this.#scraped.resolve(undefined);
    };
    const onClose = (failed: boolean): void => {
      clearTimeout(timer);
      if (!failed) taken();
    };
    const timer = setTimeout(() => {
      // Whoever scrapes on keeps its connection.
      socket.off('close', onClose);
      taken();
    }, REFUSAL_MS);
    socket.once('close', onClose);
  }

  #scrape(): Promise<string> {
    const scrape = this.#turn.then(() => {
      this.#exposition.clear();
      for (const collector of this.#collectors) collector.collect(this.#exposition);
      return this.#exposition.text();
    });
    this.#turn = scrape.catch(() => undefined);
    return scrape;
  }
}
