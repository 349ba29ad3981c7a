import { existsSync, readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import type { Report } from '@epemu/outputs';
import { parseMetrics } from './metrics-text.js';
import type { MetricSample } from './metrics-text.js';
import { freePort } from './processes.js';
import { CliProcess } from './run-cli.js';
import type { CliEnd } from './run-cli.js';

/** Between two scrapes, so that scraping takes no core from those who are scraped. */
const SCRAPE_MS = 50;
/** Long enough for any scrape to come: a process that is scraped leaves at once. */
const LINGER_SECONDS = 60;

export type Scrape = ReadonlyMap<string, readonly MetricSample[]>;

/** The last that each process of a run said of itself, as text and read. */
export interface LastScrapes {
  readonly coordinator: string;
  readonly workers: readonly string[];
  /** How often any of them was scraped. */
  readonly scrapes: number;
}

/** A run by the command line that is scraped until all its processes have left. */
export class MeteredRun {
  readonly command: CliProcess;
  readonly coordinator: string;
  readonly #targetsFile: string;

  private constructor(command: CliProcess, coordinator: string, targetsFile: string) {
    this.command = command;
    this.coordinator = coordinator;
    this.#targetsFile = targetsFile;
  }

  /** @param args from the scenario on. @param targetsFile where the run lists its targets. */
  static async start(args: readonly string[], out: string, targetsFile: string): Promise<MeteredRun> {
    const port = await freePort();
    const metrics = ['--metrics', String(port), '--metrics-linger', String(LINGER_SECONDS)];
    const more = ['--prometheus-sd', targetsFile, '--out', out, '--json'];
    return new MeteredRun(new CliProcess(['run', ...args, ...metrics, ...more]), `127.0.0.1:${port}`, targetsFile);
  }

  /** @returns targets by job, as listed now. */
  listed(): Record<string, readonly string[]> {
    if (!existsSync(this.#targetsFile)) return {};
    const groups = JSON.parse(readFileSync(this.#targetsFile, 'utf8')) as {
      targets: string[];
      labels: { job: string };
    }[];
    return Object.fromEntries(groups.map(({ targets, labels }) => [labels.job, targets]));
  }

  /** Waits until the run lists its processes. @returns their addresses. */
  async processes(): Promise<readonly string[]> {
    while (Object.keys(this.listed()).length === 0) {
      if (this.command.ended)
        throw new Error(`the run ended without listing a target: ${(await this.command.end).stderr}`);
      await delay(SCRAPE_MS);
    }
    return Object.values(this.listed()).flat();
  }

  /** Scrapes all processes again and again until they are gone. @returns what each said last. */
  async scrapeToTheEnd(): Promise<LastScrapes> {
    await this.command.stderrMatch(/metrics are served at/);
    let scrapes = 0;
    const last = new Map<string, string>();
    const gone = new Set<string>();
    const scrape = async (target: string): Promise<void> => {
      try {
        last.set(target, await (await fetch(`http://${target}/metrics`)).text());
        scrapes++;
      } catch {
        gone.add(target);
      }
    };
    const workers = new Set<string>();
    while (!gone.has(this.coordinator)) {
      for (const target of this.listed()['epemu-worker'] ?? []) workers.add(target);
      // The coordinator lists its workers before they run, and no longer than itself: it goes last.
      const open = [...workers].filter((target) => !gone.has(target));
      await Promise.all(open.map(scrape));
      const text = last.get(this.coordinator);
      const ended = text !== undefined && /state="(?:succeeded|failed)"\} 1$/m.test(text);
      if (!ended || open.length === 0) await scrape(this.coordinator);
      await delay(SCRAPE_MS);
    }
    return {
      coordinator: last.get(this.coordinator) ?? '',
      workers: [...workers].map((target) => last.get(target) ?? ''),
      scrapes,
    };
  }
}

/** @returns all samples of several processes' scrapes as one. */
export function together(texts: readonly string[]): Scrape {
  const all = new Map<string, MetricSample[]>();
  for (const text of texts) {
    for (const [name, samples] of parseMetrics(text)) all.set(name, [...(all.get(name) ?? []), ...samples]);
  }
  return all;
}

/** @returns the report that a command printed as JSON. */
export function printedReport({ stdout }: CliEnd): Report {
  return JSON.parse(stdout) as Report;
}
