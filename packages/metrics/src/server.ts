import { setTimeout as delay } from 'node:timers/promises';
import { deferred } from '@epemu/core';
import { GetServer } from '@epemu/http';
import type { ListenAddress } from '@epemu/http';
import type { MetricKey } from './catalogue.js';
import { Exposition } from './exposition.js';

/** Port that metrics are served on unless another is asked for. */
export const DEFAULT_METRICS_ADDRESS: ListenAddress = { host: '127.0.0.1', port: 9464 };
/** How long a process waits after its end for its last values to be scraped, unless told otherwise, s. */
export const DEFAULT_LINGER_SECONDS = 5;

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
  /** The scrape under way: one at a time, for they share an exposition. */
  #turn: Promise<unknown> = Promise.resolve();

  private constructor(exposition: Exposition, state: () => string) {
    this.#exposition = exposition;
    this.#server = new GetServer({
      what: 'the metrics page',
      option: '--metrics address',
      routes: {
        '/metrics': async (request, response) => {
          const final = this.#final;
          const text = await this.#scrape();
          if (final && request.method === 'GET') {
            response.once('finish', () => {
              this.#scraped.resolve(undefined);
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
   * @returns the server and where it listens.
   * @throws ListenError naming the address.
   */
  static async open(
    address: ListenAddress,
    families: readonly MetricKey[],
    state: () => string,
  ): Promise<{ server: MetricsServer; address: ListenAddress }> {
    const server = new MetricsServer(await Exposition.open(families), state);
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
