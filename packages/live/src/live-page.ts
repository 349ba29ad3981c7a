import type { RunEvent, RunListener } from '@epemu/cluster';
import { GetServer, hostAndPort, refuse } from '@epemu/http';
import type { ListenAddress } from '@epemu/http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { EventHub } from './event-hub.js';
import { RunFollower } from './follower.js';
import { livePage } from './page.js';
import { contentType, openRunFile, runFileName } from './run-files.js';
import { serveFile } from './serve-file.js';
import { applyUpdate, initialState, LIVE_SCHEMA, WHOLE_BEFORE_THE_END } from './state.js';

/** Least time between two updates, ms: five a second are as smooth as anyone reads. */
const UPDATE_INTERVAL_MS = 200;
/** How often those who look on hear that the server is there when nothing happens, ms. */
const ALIVE_INTERVAL_MS = 2000;

/** Where a live page is served unless another address is asked for. */
export const DEFAULT_PAGE_ADDRESS: ListenAddress = { host: '127.0.0.1', port: 7078 };

/** Serves a page that shows a run from before workers join until after its report is written. */
export class LivePage {
  readonly #server: GetServer;
  readonly #page = livePage();
  readonly #follower = new RunFollower();
  readonly #state = initialState();
  readonly #hub = new EventHub(() => this.#snapshot());
  #timer: NodeJS.Timeout | undefined;
  #toldAt = 0;
  /** The run's folder and id, once it has them. */
  #run: { readonly folder: string; readonly runId: string } | undefined;
  #ended = false;

  /** @param option the option that chooses the address, for errors. */
  constructor(option: string) {
    this.#server = new GetServer({
      what: 'the live page',
      option,
      routes: {
        '/': (_request, response) => {
          response.writeHead(200, { ...this.#page.headers, 'content-type': 'text/html; charset=utf-8' });
          response.end(this.#page.html);
        },
        '/events': (request, response) => {
          this.#update();
          this.#hub.connect(request, response);
        },
        '/healthz': (_request, response) => {
          response.writeHead(200, { 'content-type': 'text/plain' }).end('ok\n');
        },
        '/report.html': (request, response) => this.#serve(request, response, 'report.html', 'inline'),
        '/files/': (request, response, url) => this.#serveDownload(request, response, url),
      },
    });
  }

  /** @returns where it listens. @throws ListenError when the address cannot be listened on. */
  async listen(address: ListenAddress): Promise<ListenAddress> {
    const listening = await this.#server.listen(address);
    this.#timer = setInterval(() => {
      this.#update();
    }, UPDATE_INTERVAL_MS);
    return listening;
  }

  /** Told what happens in the run. */
  readonly onEvent: RunListener = (event: RunEvent) => {
    this.#follower.note(event);
    if (event.type === 'begun') this.#run = { folder: event.folder, runId: event.runId };
    if (event.type === 'ended') this.#ended = true;
    // Ranks in this process may leave the timer little room.
    if (this.#ended || performance.now() - this.#toldAt >= UPDATE_INTERVAL_MS) this.#update();
  };

  /** Lets all who look on go and frees the port. */
  async close(): Promise<void> {
    clearInterval(this.#timer);
    this.#update();
    this.#hub.end();
    await this.#server.close();
  }

  #update(): void {
    const now = performance.now();
    const update = this.#follower.take();
    if (update !== undefined) {
      applyUpdate(this.#state, update);
      if (this.#hub.clients > 0) this.#hub.send('update', JSON.stringify(update));
      this.#toldAt = now;
    } else if (now - this.#toldAt >= ALIVE_INTERVAL_MS) {
      this.#hub.send('alive', '{}');
      this.#toldAt = now;
    }
  }

  #snapshot(): string {
    return JSON.stringify({ schema: LIVE_SCHEMA, page: this.#page.version, ...this.#state });
  }

  async #serveDownload(request: IncomingMessage, response: ServerResponse, url: URL): Promise<void> {
    const name = runFileName(url.pathname.slice('/files/'.length));
    if (name === undefined) refuse(response, 404, 'a run has no such file');
    else await this.#serve(request, response, name, 'attachment');
  }

  async #serve(
    request: IncomingMessage,
    response: ServerResponse,
    name: string,
    disposition: 'inline' | 'attachment',
  ): Promise<void> {
    const run = this.#run;
    if (run === undefined || !(this.#ended || WHOLE_BEFORE_THE_END.includes(name))) {
      refuse(response, 404, `${name} is there once the run has ended`);
      return;
    }
    const file = await openRunFile(run.folder, name);
    if (file === undefined) {
      refuse(response, 404, `the run left no ${name}`);
      return;
    }
    const saved = `${run.runId}-${name.split('/').at(-1)!}`;
    await serveFile(request, response, file, {
      'content-type': contentType(name),
      'content-disposition': disposition === 'inline' ? 'inline' : `attachment; filename="${saved}"`,
      'referrer-policy': 'no-referrer',
      'x-frame-options': 'DENY',
    });
  }
}

/** @returns the address of a page that is served there, as a browser on this machine takes it. */
export function pageUrl({ host, port }: ListenAddress): string {
  return `http://${hostAndPort(host, port)}/`;
}
