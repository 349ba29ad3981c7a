import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { analyze } from './analyze.js';
import type { AnalysedSet } from './analysis.js';
import type { AnalysisOptions } from './analyze.js';

/** An event as a file has it; tests put anything into it. */
export type Item = Record<string, unknown>;

/** A kernel of any name. Times are µs; `more` replaces members. */
export function kernel(name: string, stream: number, ts: number, dur: number, more: Item = {}): Item {
  return { ph: 'X', cat: 'kernel', name, pid: 0, tid: stream, ts, dur, args: { stream }, ...more };
}

export const DISPATCH = 'void deep_ep::internode::dispatch<false>(int4*)';
export const COMBINE = 'void deep_ep::internode::combine<false>(int4*)';
export const NOTIFY = 'void deep_ep::internode::notify_dispatch<false>(int)';
export const GEMM = 'void deep_gemm::fp8_gemm_kernel<7168>(x)';

/** A trace of one rank as PyTorch's profiler writes it. */
export function traceText(rank: number | undefined, events: readonly Item[], more: Item = {}): string {
  const distributedInfo = rank === undefined ? {} : { distributedInfo: { backend: 'nccl', rank, world_size: 1 } };
  return JSON.stringify({ schemaVersion: 1, ...distributedInfo, traceEvents: events, ...more });
}

/** Files by their names in a folder; names may have folders in them, and end in `.gz`. */
export type Files = Readonly<Record<string, string | Uint8Array>>;

/** Writes files and hands their folder over; all is gone afterwards. */
export async function withFiles<Result>(files: Files, body: (folder: string) => Promise<Result>): Promise<Result> {
  const folder = mkdtempSync(join(tmpdir(), 'epemu-analysis-'));
  try {
    for (const [name, content] of Object.entries(files)) {
      const path = join(folder, name);
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, name.endsWith('.gz') && typeof content === 'string' ? gzipSync(content) : content);
    }
    return await body(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Analyses a folder of files. */
export function analysed(files: Files, options?: AnalysisOptions): Promise<AnalysedSet> {
  return withFiles(files, (folder) => analyze([folder], options));
}

/** Analyses ranks by their events, a file each. */
export function analysedRanks(
  ranks: readonly (readonly Item[])[],
  options?: AnalysisOptions,
  more: Item = {},
): Promise<AnalysedSet> {
  return analysed(
    Object.fromEntries(ranks.map((events, rank) => [`rank-${rank}.json`, traceText(rank, events, more)])),
    options,
  );
}
