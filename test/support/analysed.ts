import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describeRun } from '@epemu/outputs';
import type { InMemoryRun } from '@epemu/experiments';
import { RunTrace, writeRankTrace } from '@epemu/trace';

/** A trace file as JSON has it, to be changed. */
export interface TraceText {
  epemu?: Record<string, unknown>;
  traceEvents: TraceItem[];
  [member: string]: unknown;
}

/** An event of it. */
export interface TraceItem {
  ph: string;
  cat?: string;
  name: string;
  ts?: number;
  dur?: number;
  args?: Record<string, unknown>;
  [member: string]: unknown;
}

/** Changes a rank's trace in place; gets the rank. */
export type TraceChange = (trace: TraceText, rank: number) => void;

/** Makes a trace one of a profiler, which knows no program and no ns. @param clocksUs what to add to a rank's times. */
export function asCaptured(clocksUs?: readonly number[]): TraceChange {
  return (trace, rank) => {
    delete trace.epemu;
    for (const event of trace.traceEvents) {
      if (clocksUs !== undefined && event.ts !== undefined) event.ts += clocksUs[rank];
      for (const key of ['start ns', 'end ns', 'launch ns', 'operation', 'phase', 'layer', 'kernel'])
        delete event.args?.[key];
    }
  };
}

/** Writes a run's traces, a file a rank. @returns their paths. */
export async function writeTraces(run: InMemoryRun, folder: string, change?: TraceChange): Promise<string[]> {
  mkdirSync(folder, { recursive: true });
  const trace = new RunTrace(describeRun('test', run.configuration), run.program);
  const paths: string[] = [];
  for (const timeline of run.timelines) {
    const path = join(folder, `rank-${String(timeline.rank).padStart(5, '0')}.json`);
    await writeRankTrace(path, trace, timeline);
    if (change !== undefined) changeTrace(path, timeline.rank, change);
    paths.push(path);
  }
  return paths;
}

/** Changes a trace file. */
export function changeTrace(path: string, rank: number, change: TraceChange): void {
  const trace = JSON.parse(readFileSync(path, 'utf8')) as TraceText;
  change(trace, rank);
  writeFileSync(path, JSON.stringify(trace));
}

/** What a trace of low latency has in the field: halves by one name, NCCL's nowhere, and no annotation that tells them. */
export function withFieldNames(trace: TraceText): void {
  trace.traceEvents = trace.traceEvents.filter(({ cat = '' }) => !cat.includes('annotation') && cat !== 'network');
  for (const event of trace.traceEvents) {
    if (event.cat !== 'kernel') continue;
    event.name = event.name.replace(/^ncclKernel_\w+ (deep_ep::internode_ll::\w+?)_(?:send|recv)$/, '$1');
  }
}
