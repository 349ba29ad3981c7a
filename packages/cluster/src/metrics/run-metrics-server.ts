import { hostAndPort, reachableAddress } from '@epemu/http';
import type { ListenAddress } from '@epemu/http';
import { MetricsServer, metricsFrom } from '@epemu/metrics';
import type { Collector } from '@epemu/metrics';
import { runLabels } from '@epemu/outputs';
import type { RunEvent } from '../run-events.js';
import { ProcessMetrics } from './process-metrics.js';
import { RunMetrics } from './run-metrics.js';
import { WorkerTargets } from './worker-targets.js';

/** Serves the metrics of a run's coordinator; those of the ranks too where they are in the same process. */
export class RunMetricsServer {
  readonly #server: MetricsServer;
  readonly #run: RunMetrics;
  readonly #process = new ProcessMetrics();
  readonly #workers: WorkerTargets;
  /** Where they are served, as others reach it, `host:port`. */
  readonly target: string;

  private constructor(server: MetricsServer, address: ListenAddress, run: RunMetrics, workers: WorkerTargets) {
    this.#server = server;
    this.#run = run;
    this.#workers = workers;
    const { host, port } = reachableAddress(address);
    this.target = hostAndPort(host, port);
    server.add(this.#process);
    server.add(run);
  }

  /**
   * Starts to serve, and at `/targets` the workers' metrics as Prometheus' `http_sd_configs` reads them.
   * @param lingerSeconds how long workers stay after the run: so long they are listed.
   * @throws ListenError naming the address.
   */
  static async open(wanted: ListenAddress, lingerSeconds: number): Promise<RunMetricsServer> {
    const run = new RunMetrics();
    const families = metricsFrom('process', 'coordinator', 'worker');
    const workers = new WorkerTargets(lingerSeconds);
    const { server, address } = await MetricsServer.open(wanted, families, () => run.state, {
      '/targets': (_request, response) => {
        response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(workers.groups));
      },
    });
    return new RunMetricsServer(server, address, run, workers);
  }

  /** Takes in what has happened in the run. */
  note(event: RunEvent): void {
    if (event.type === 'begun') this.#process.run = runLabels(event.runId, event.configuration);
    this.#run.note(event);
    this.#workers.note(event);
  }

  /** Shows ranks of this process from now on. */
  show(ranks: Collector): void {
    this.#server.add(ranks);
  }

  /** Waits until the last values have been scraped, for at most some seconds or until the signal aborts. */
  async linger(seconds: number, signal: AbortSignal): Promise<void> {
    await this.#server.linger(seconds, signal);
  }

  async close(): Promise<void> {
    this.#process.close();
    await this.#server.close();
  }
}
