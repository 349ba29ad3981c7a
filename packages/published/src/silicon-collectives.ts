import { readFileSync } from 'node:fs';
import { InvariantError } from '@epemu/core';
import * as z from 'zod';

/** Where the tables under `data/silicon` that begin with `deepep` come from. */
export const SILICON_COLLECTIVES_SOURCE =
  "NVIDIA aiconfigurator (ai-dynamo/aiconfigurator, Apache-2.0), commit 095f58a5 of 2026-08-21, systems/data: DeepEP's " +
  'kernels as SGLang builds them, timed by its collectors';

const COUNT = z.coerce.number().int().positive();
const US = z.coerce.number().nonnegative();

const SHAPE = {
  gpu: z.string().min(1),
  software: z.string().min(1),
  nodes: COUNT,
  gpus: COUNT,
  hidden: COUNT,
  tokens: COUNT,
  topk: COUNT,
  experts: COUNT,
};

const NORMAL_SCHEMA = z.strictObject({
  ...SHAPE,
  sms: COUNT,
  dispatch_us: US,
  dispatch_notify_us: US,
  combine_us: US,
  combine_notify_us: US,
});

const LOW_LATENCY_SCHEMA = z.strictObject({ ...SHAPE, dispatch_us: US, combine_us: US });

/** One dispatch and one combine, measured on GPUs with nothing beside them. */
export interface SiliconCollective {
  readonly mode: 'normal' | 'low-latency';
  /** `h100`, `b200`, `gb200`. */
  readonly gpu: string;
  /** What it was measured with, such as `sglang 0.5.6`. */
  readonly software: string;
  readonly nodes: number;
  readonly gpus: number;
  readonly hidden: number;
  /** Tokens a rank. */
  readonly tokens: number;
  readonly topK: number;
  readonly experts: number;
  /** SMs of the transfer kernels; undefined in low-latency mode. */
  readonly sms: number | undefined;
  /**
   * Normal mode: the transfer kernels alone. Low-latency mode: send and receive together, the mean over ranks.
   */
  readonly dispatchUs: number;
  readonly combineUs: number;
}

function table<Schema extends z.ZodType>(file: string, schema: Schema): z.output<Schema>[] {
  const text = readFileSync(new URL(`../data/silicon/${file}`, import.meta.url), 'utf8');
  const [header, ...lines] = text.trimEnd().split('\n');
  const names = header.split(',');
  return lines.map((line, index) => {
    const cells = line.split(',');
    const parsed = schema.safeParse(Object.fromEntries(names.map((name, column) => [name, cells[column]])));
    if (!parsed.success) throw new InvariantError(`line ${index + 2} of ${file} is no row: ${parsed.error.message}`);
    return parsed.data;
  });
}

function normalRows(): SiliconCollective[] {
  return table('deepep-normal.csv', NORMAL_SCHEMA).map(({ topk, dispatch_us, combine_us, ...row }) => {
    const { gpu, software, nodes, gpus, hidden, tokens, experts, sms } = row;
    const shape = { mode: 'normal' as const, gpu, software, nodes, gpus, hidden, tokens, topK: topk, experts, sms };
    return { ...shape, dispatchUs: dispatch_us, combineUs: combine_us };
  });
}

function lowLatencyRows(): SiliconCollective[] {
  return table('deepep-low-latency.csv', LOW_LATENCY_SCHEMA).map(({ topk, dispatch_us, combine_us, ...row }) => ({
    mode: 'low-latency',
    ...row,
    topK: topk,
    sms: undefined,
    dispatchUs: dispatch_us,
    combineUs: combine_us,
  }));
}

let loaded: readonly SiliconCollective[] | undefined;

/** @returns every row of both tables. Read once. @throws InvariantError where a table is damaged. */
export function siliconCollectives(): readonly SiliconCollective[] {
  loaded ??= [...normalRows(), ...lowLatencyRows()];
  return loaded;
}

/** Inside this many tokens a rank a row of normal mode is launches and latencies. */
const LEAST_TOKENS = 256;
/** At eight nodes one cluster's combine holds only as far as this many tokens a rank, and its dispatch nowhere. */
const MOST_TOKENS_AT_8_NODES = 4096;

/**
 * Whether a half of a row says something about links and SMs. Normal mode: from 256 tokens on; at 8 nodes dispatch is
 * far slower there than what DeepEP publishes for EP64, with waits of milliseconds beside it, and so is combine from
 * 8192 tokens on: one cluster's trouble.
 */
export function tellsOfLaw(row: SiliconCollective, half: 'dispatch' | 'combine'): boolean {
  if (row.mode === 'low-latency') return true;
  if (row.tokens < LEAST_TOKENS) return false;
  return row.nodes < 8 || (half === 'combine' && row.tokens <= MOST_TOKENS_AT_8_NODES);
}

/** Held out of every fit: whole SM counts, a hidden size, a top-k, a number of experts: so they tell of what is unseen. */
const HELD_OUT = { sms: [8, 16], hidden: [6144], topK: [6], experts: [288] } as const;

/** @returns whether constants were chosen by a row, or it was left out of all fits. */
export function siliconUse({ sms, hidden, topK, experts }: SiliconCollective): 'fitted' | 'held-out' {
  const listed = (list: readonly number[], value: number | undefined): boolean =>
    value !== undefined && list.includes(value);
  const shape = listed(HELD_OUT.hidden, hidden) || listed(HELD_OUT.topK, topK) || listed(HELD_OUT.experts, experts);
  return shape || listed(HELD_OUT.sms, sms) ? 'held-out' : 'fitted';
}
