import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { hostOf, isLoopback } from './address.js';
import type { ListenAddress } from './address.js';
import { closeServer, listenAt, refuse } from './listening.js';

/** Answers one GET or HEAD request. What it throws becomes status 500, without the reason. */
export type RequestHandler = (request: IncomingMessage, response: ServerResponse, url: URL) => void | Promise<void>;

/** Options of {@link GetServer}. */
export interface GetServerOptions {
  /** What is served, for errors: `the live page`. */
  readonly what: string;
  /** The option that chooses the address, for errors. */
  readonly option: string;
  /** By path; a path that ends in `/` also answers all below it. */
  readonly routes: Readonly<Record<string, RequestHandler>>;
}

/** Serves GET requests to people and programs that look on: nothing here changes anything. */
export class GetServer {
  readonly #options: GetServerOptions;
  readonly #server: Server;
  #loopback = true;

  constructor(options: GetServerOptions) {
    this.#options = options;
    this.#server = createServer((request, response) => {
      this.#answer(request, response).catch(() => {
        if (response.headersSent) response.destroy();
        else response.writeHead(500, { 'content-type': 'text/plain' }).end('epemu could not answer\n');
      });
    });
    this.#server.headersTimeout = 5000;
    this.#server.requestTimeout = 5000;
    // A broken request ends its connection and nothing else.
    this.#server.on('clientError', (_error, socket) => socket.destroy());
  }

  /**
   * @returns where it listens.
   * @throws ListenError naming address and remedy when the port is taken or the host is not this machine's.
   */
  listen({ host, port }: ListenAddress): Promise<ListenAddress> {
    this.#loopback = isLoopback(host);
    const { what, option } = this.#options;
    return listenAt(
      this.#server,
      { host, port },
      (address, why) => `${what} cannot be served at ${address} (${why}); choose another ${option}`,
    );
  }

  /** Ends all connections and frees the port. */
  close(): Promise<void> {
    return closeServer(this.#server);
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    response.setHeader('x-content-type-options', 'nosniff');
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      response.setHeader('allow', 'GET, HEAD');
      refuse(response, 405, 'only GET is answered here');
      return;
    }
    const base = `http://${request.headers.host ?? 'localhost'}`;
    const target = request.url ?? '/';
    if (!URL.canParse(target, base)) {
      refuse(response, 400, 'this is no address');
      return;
    }
    const url = new URL(target, base);
    // A page that has its own name resolve to this machine must not read what is served to this machine alone.
    if (this.#loopback && !isLoopback(hostOf(url))) {
      refuse(response, 403, `${url.hostname} is not this machine`);
      return;
    }
    const handler = this.#handlerOf(url.pathname);
    if (handler === undefined) refuse(response, 404, `nothing is at ${url.pathname}`);
    else await handler(request, response, url);
  }

  #handlerOf(path: string): RequestHandler | undefined {
    const { routes } = this.#options;
    if (Object.hasOwn(routes, path)) return routes[path];
    const above = Object.keys(routes).find((route) => route !== '/' && route.endsWith('/') && path.startsWith(route));
    return above === undefined ? undefined : routes[above];
  }
}
