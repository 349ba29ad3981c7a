import { spawn, spawnSync } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import './machine.js';
import { freePort } from './processes.js';

function installed(path: string): string | undefined {
  return existsSync(path) ? path : undefined;
}

/** Where these are on this machine; undefined for not at all. */
export const PROMETHEUS = installed('/usr/bin/prometheus');
export const PROMTOOL = installed('/usr/bin/promtool');

/** Runs promtool. @returns its exit code and all it printed. */
export function promtool(args: readonly string[], input = ''): { code: number | null; output: string } {
  const { status, stdout, stderr } = spawnSync(PROMTOOL ?? 'promtool', args, { input, encoding: 'utf8' });
  return { code: status, output: stdout + stderr };
}

/** A series of an answer, with its values over time. */
export interface Series {
  readonly metric: Readonly<Record<string, string>>;
  readonly values: readonly (readonly [time: number, value: string])[];
}

/** A Prometheus with data of its own. */
export class Prometheus {
  readonly #child: ChildProcess;
  readonly #url: string;
  readonly #startedAt = Date.now() / 1000;
  #log = '';

  private constructor(child: ChildProcess, url: string) {
    this.#child = child;
    this.#url = url;
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#log += text;
    });
  }

  /** Starts one that scrapes what a file lists, every two seconds: a busy process may be as late. @returns it once it is ready. */
  static async start(
    folder: string,
    targetFiles: readonly string[],
    ruleFiles: readonly string[],
  ): Promise<Prometheus> {
    mkdirSync(folder, { recursive: true });
    const config = join(folder, 'prometheus.yml');
    writeFileSync(
      config,
      JSON.stringify({
        global: { scrape_interval: '2s', scrape_timeout: '2s', evaluation_interval: '500ms' },
        rule_files: ruleFiles,
        scrape_configs: [{ job_name: 'epemu', file_sd_configs: [{ files: targetFiles }] }],
      }),
    );
    const port = await freePort();
    const args = [
      `--config.file=${config}`,
      `--storage.tsdb.path=${join(folder, 'data')}`,
      `--web.listen-address=127.0.0.1:${port}`,
    ];
    const child = spawn(PROMETHEUS ?? 'prometheus', args, { stdio: ['ignore', 'ignore', 'pipe'] });
    const prometheus = new Prometheus(child, `http://127.0.0.1:${port}`);
    await prometheus.#ready();
    return prometheus;
  }

  async #ready(): Promise<void> {
    for (;;) {
      try {
        if ((await fetch(`${this.#url}/-/ready`)).ok) return;
      } catch {
        // It does not listen yet.
      }
      if (this.#child.exitCode !== null) throw new Error(`Prometheus ended: ${this.#log}`);
      await delay(50);
    }
  }

  /** @returns all that a query had since Prometheus was started. @throws when it is no query. */
  async history(query: string): Promise<readonly Series[]> {
    const parameters = new URLSearchParams({
      query,
      start: String(this.#startedAt),
      end: String(Date.now() / 1000),
      step: '0.5',
    });
    const { data } = (await this.#get(`query_range?${parameters.toString()}`)) as { data: { result: Series[] } };
    return data.result;
  }

  /** @returns all that was scraped of some series, as it was scraped. @throws when the selector is none. */
  async samples(selector: string): Promise<readonly Series[]> {
    const parameters = new URLSearchParams({ query: `${selector}[1h]` });
    const { data } = (await this.#get(`query?${parameters.toString()}`)) as { data: { result: Series[] } };
    return data.result;
  }

  /** @returns rules by name, and what each says of itself. */
  async rules(): Promise<readonly { readonly name: string; readonly health: string; readonly lastError?: string }[]> {
    const { data } = (await this.#get('rules')) as {
      data: { groups: { rules: { name: string; health: string; lastError?: string }[] }[] };
    };
    return data.groups.flatMap(({ rules }) => rules);
  }

  async #get(path: string): Promise<unknown> {
    const response = await fetch(`${this.#url}/api/v1/${path}`);
    const answer = (await response.json()) as { status: string; error?: string };
    if (answer.status !== 'success') throw new Error(`${path}: ${String(answer.error)}`);
    return answer;
  }

  async stop(): Promise<void> {
    const ended = new Promise((resolve) => this.#child.once('close', resolve));
    this.#child.kill('SIGTERM');
    await ended;
  }
}
