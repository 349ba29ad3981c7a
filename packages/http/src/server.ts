import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { isLoopback } from './address.js';
import type { ListenAddress } from './address.js';
import { closeServer, listenAt, refuse } from './listening.js';
import { refusalOf } from './request-origin.js';
import { Strangers } from './strangers.js';

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
  /** Origins of pages that may ask besides those that are served here. @default none */
  readonly pages?: readonly string[];
}

/** Connections at once, and those of them that have not asked for anything yet: of the latter the oldest gives way. */
const MOST_CONNECTIONS = 512;
const MOST_SILENT = 64;
/** How long asking may take, and how many bytes. */
const REQUEST_MS = 5000;
const MOST_REQUEST_BYTES = 16 * 1024;

/** Serves GET requests to people and programs that look on: nothing here changes anything. */
export class GetServer {
  readonly #options: GetServerOptions;
  readonly #server: Server;
  #loopback = true;

  constructor(options: GetServerOptions) {
    this.#options = options;
    const limits = { headersTimeout: REQUEST_MS, requestTimeout: REQUEST_MS, connectionsCheckingInterval: 1000 };
    this.#server = createServer({ ...limits, maxHeaderSize: MOST_REQUEST_BYTES }, (request, response) => {
      strangers.welcome(request.socket);
      this.#answer(request, response).catch(() => {
        if (response.headersSent) response.destroy();
        else response.writeHead(500, { 'content-type': 'text/plain' }).end('epemu could not answer\n');
      });
    });
    this.#server.maxConnections = MOST_CONNECTIONS;
    const strangers = new Strangers(this.#server, {
      connections: MOST_SILENT,
      bytes: 2 * MOST_REQUEST_BYTES,
      timeoutMs: 2 * REQUEST_MS,
    });
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
    const refusal = refusalOf(request, this.#loopback, this.#options.pages ?? []);
    if (refusal !== undefined) {
      refuse(response, refusal.status, refusal.why);
      return;
    }
    // Behind a host of its own a path stays one, whatever it begins with.
    const target = `http://localhost${request.url ?? '/'}`;
    if (!URL.canParse(target)) {
      refuse(response, 400, 'this is no address');
      return;
    }
    const url = new URL(target);
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
