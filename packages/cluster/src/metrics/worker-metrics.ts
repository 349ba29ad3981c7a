import { hostname } from 'node:os';
import { hostAndPort } from '@epemu/http';
import type { ListenAddress } from '@epemu/http';
import { MetricsServer, WORKER_STATES, metricsFrom } from '@epemu/metrics';
import type { Collector, Exposition, LabelsOf, WorkerState } from '@epemu/metrics';
import { ProcessMetrics } from './process-metrics.js';

/** How a worker serves its metrics. */
export interface WorkerMetricsOptions {
  readonly address: ListenAddress;
  /** How long the worker waits after its end for its last values to be scraped, s. */
  readonly lingerSeconds: number;
}

/** Addresses that stand for all of a machine's: nobody can be told to connect to them. */
const UNSPECIFIED = ['0.0.0.0', '::'];

/** A worker's metrics, from its start until they have been scraped after its end. */
export class WorkerMetrics {
  readonly #server: MetricsServer;
  readonly #process: ProcessMetrics;
  readonly #lingerSeconds: number;
  readonly #current: { state: WorkerState };
  /** Where they are served, `host:port`, as others reach it. */
  readonly target: string;

  private constructor(parts: {
    server: MetricsServer;
    address: ListenAddress;
    process: ProcessMetrics;
    current: { state: WorkerState };
    lingerSeconds: number;
  }) {
    const { host, port } = parts.address;
    this.#server = parts.server;
    this.#process = parts.process;
    this.#current = parts.current;
    this.#lingerSeconds = parts.lingerSeconds;
    this.target = hostAndPort(UNSPECIFIED.includes(host) ? hostname() : host, port);
  }

  /** Starts to serve. @throws ListenError naming the address. */
  static async open({ address: wanted, lingerSeconds }: WorkerMetricsOptions): Promise<WorkerMetrics> {
    const current = { state: 'joining' as WorkerState };
    const families = metricsFrom('process', 'worker');
    const { server, address } = await MetricsServer.open(wanted, families, () => current.state);
    const process = new ProcessMetrics();
    server.add(process);
    server.add({
      collect: (exposition: Exposition) => {
        for (const state of WORKER_STATES) exposition.set('workerState', { state }, state === current.state ? 1 : 0);
      },
    });
    return new WorkerMetrics({ server, address, process, current, lingerSeconds });
  }

  get state(): WorkerState {
    return this.#current.state;
  }

  set state(state: WorkerState) {
    this.#current.state = state;
  }

  /** Shows the worker's ranks from now on. */
  show(run: LabelsOf<'runInfo'>, ranks: Collector): void {
    this.#process.run = run;
    this.#server.add(ranks);
  }

  /** Waits until the last values have been scraped, or for long enough. */
  async linger(): Promise<void> {
    await this.#server.linger(this.#lingerSeconds);
  }

  async close(): Promise<void> {
    this.#process.close();
    await this.#server.close();
  }
}
