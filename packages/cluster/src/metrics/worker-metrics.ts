import { hostAndPort, isWildcard } from '@epemu/http';
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

/** A worker's metrics, from its start until they have been scraped after its end. */
export class WorkerMetrics {
  readonly #server: MetricsServer;
  readonly #process: ProcessMetrics;
  readonly #lingerSeconds: number;
  readonly #current: { state: WorkerState };
  readonly #address: ListenAddress;

  private constructor(parts: {
    server: MetricsServer;
    address: ListenAddress;
    process: ProcessMetrics;
    current: { state: WorkerState };
    lingerSeconds: number;
  }) {
    this.#address = parts.address;
    this.#server = parts.server;
    this.#process = parts.process;
    this.#current = parts.current;
    this.#lingerSeconds = parts.lingerSeconds;
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

  /**
   * @param reached this worker's address as others reach it, where it serves on all addresses.
   * @returns where they are served, `host:port`.
   */
  target(reached: string): string {
    const { host, port } = this.#address;
    return hostAndPort(isWildcard(host) ? reached : host, port);
  }

  /** Shows the worker's ranks from now on. */
  show(run: LabelsOf<'runInfo'>, ranks: Collector): void {
    this.#process.run = run;
    this.#server.add(ranks);
  }

  /** Waits until the last values have been scraped, for long enough, or until the signal aborts. */
  async linger(signal: AbortSignal | undefined): Promise<void> {
    await this.#server.linger(this.#lingerSeconds, signal);
  }

  async close(): Promise<void> {
    this.#process.close();
    await this.#server.close();
  }
}
