import { Columns } from '@epemu/core';

import type { TraceEvent } from './event.js';
import { GPU_CATEGORIES, numberArg } from './lint-events.js';
import type { LintReport } from './lint-rules.js';

/** A graph's launch has one correlation, and all its kernels have the same. */
const GRAPH_LAUNCH = /GraphLaunch/;

/** Rules about kernels, their launches, and what makes a file one rank's. */
export class KernelRules {
  /** Rows of the columns by correlation; kernels and copies. */
  readonly #kernels = new Map<number, number>();
  readonly #kernelColumns = new Columns(['correlation', 'ts', 'index']);
  /** Kernels whose correlation an earlier one has. */
  readonly #doubles = new Columns(['correlation', 'index']);
  readonly #launches = new Map<number, number>();
  readonly #graphs = new Set<number>();
  readonly #threads = new Map<string, { columns: Columns<'ts' | 'correlation' | 'index'> }>();
  readonly #arrows = new Columns(['id', 'ts', 'index']);
  readonly #steps = new Set<string>();

  /** Takes the next event. */
  add(event: TraceEvent, index: number): void {
    const { cat, ph } = event;
    if (ph === 'X' && cat !== undefined) {
      if (GPU_CATEGORIES.has(cat)) this.#addKernel(event, index);
      else if (cat === 'cuda_runtime' || cat === 'cuda_driver') this.#addLaunch(event, index);
      else if (cat === 'user_annotation' && event.name.startsWith('ProfilerStep')) this.#steps.add(event.name);
    } else if (ph === 'f' && cat === 'ac2g') {
      this.#arrows.push(typeof event.id === 'number' ? event.id : Number(event.id), event.ts ?? Number.NaN, index);
    }
  }

  #addKernel(event: TraceEvent, index: number): void {
    const correlation = numberArg(event, 'correlation');
    if (correlation === undefined) return;
    if (this.#kernels.has(correlation)) this.#doubles.push(correlation, index);
    else this.#kernels.set(correlation, this.#kernelColumns.count);
    this.#kernelColumns.push(correlation, event.ts ?? Number.NaN, index);
  }

  #addLaunch(event: TraceEvent, index: number): void {
    const correlation = numberArg(event, 'correlation');
    if (correlation === undefined) return;
    const ts = event.ts ?? Number.NaN;
    this.#launches.set(correlation, ts);
    if (GRAPH_LAUNCH.test(event.name)) this.#graphs.add(correlation);
    const key = `${event.pid} ${event.tid}`;
    let thread = this.#threads.get(key);
    if (thread === undefined) {
      this.#threads.set(key, (thread = { columns: new Columns(['ts', 'correlation', 'index']) }));
    }
    thread.columns.push(ts, correlation, index);
  }

  /** Checks what only the whole trace shows; `metadata` is the text beside the events. */
  finish(report: LintReport, metadata: string): void {
    const distributed = metadata.includes('"distributedInfo"');
    if (this.#launches.size > 0 || distributed) this.#checkFile(report, metadata);
    const doubled = this.#doubles.column('correlation');
    const doubles = this.#doubles.column('index');
    for (let i = 0; i < doubled.length; i++) {
      if (this.#graphs.has(doubled[i])) continue;
      report.add('correlation-unique', doubles[i], () => `an earlier kernel has correlation ${doubled[i]} too`);
    }
    // A merged trace has kernels and no launches.
    if (this.#launches.size === 0) return;
    const correlation = this.#kernelColumns.column('correlation');
    const ts = this.#kernelColumns.column('ts');
    const index = this.#kernelColumns.column('index');
    for (let i = 0; i < correlation.length; i++) {
      const id = correlation[i];
      const launched = this.#launches.get(id);
      if (launched === undefined) report.add('kernel-launched', index[i], () => `correlation ${id} has no launch`);
      else if (launched > ts[i]) {
        report.add('launch-first', index[i], () => `starts at ${ts[i]}, launched at ${launched}`);
      }
    }
    const arrow = this.#arrows.column('id');
    const arrowTs = this.#arrows.column('ts');
    const arrowIndex = this.#arrows.column('index');
    for (let i = 0; i < arrow.length; i++) {
      const id = arrow[i];
      const row = this.#kernels.get(id);
      // Calls that launch nothing have arrows too in PyTorch's own files.
      if ((row === undefined && this.#launches.has(id)) || this.#graphs.has(id)) continue;
      if (row === undefined) report.add('ac2g-correlation', arrowIndex[i], () => `no kernel has correlation ${id}`);
      else if (ts[row] !== arrowTs[i]) {
        report.add('ac2g-correlation', arrowIndex[i], () => `ends at ${arrowTs[i]}, kernel ${id} starts at ${ts[row]}`);
      }
    }
    for (const { columns } of this.#threads.values()) checkAscending(columns, report);
  }

  #checkFile(report: LintReport, metadata: string): void {
    const members = metadata.split('"distributedInfo"').length - 1;
    if (members > 1) report.add('distributed-once', -1, () => `the file has distributedInfo ${members} times`);
    const match = /"rank":\s+(\d+)/.exec(metadata)?.[1];
    const { distributedInfo } = JSON.parse(metadata) as { distributedInfo?: { rank?: unknown } | null };
    const rank = distributedInfo?.rank;
    if (match === undefined || (rank !== undefined && Number(match) !== rank)) {
      const found = match === undefined ? 'would not find it' : `would find ${match}`;
      report.add(
        'distributed-rank',
        -1,
        () => `the rank in distributedInfo is ${JSON.stringify(rank) ?? 'nowhere'}, HTA ${found}`,
      );
    }
    if (this.#steps.size === 0) report.add('profiler-step', -1, () => 'no annotation is named ProfilerStep');
  }
}

function checkAscending(columns: Columns<'ts' | 'correlation' | 'index'>, report: LintReport): void {
  const ts = columns.column('ts');
  const correlation = columns.column('correlation');
  const index = columns.column('index');
  const order = Uint32Array.from(ts.keys()).sort((a, b) => ts[a] - ts[b] || a - b);
  for (let i = 1; i < order.length; i++) {
    const before = correlation[order[i - 1]];
    const now = correlation[order[i]];
    if (now > before) continue;
    report.add('launch-ascending', index[order[i]], () => `correlation ${now} is launched after ${before}`);
  }
}
