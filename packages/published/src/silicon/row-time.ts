import { KernelCalls } from '@epemu/kernels';
import type { KernelCall } from '@epemu/kernels';
import type { HardwarePreset } from '@epemu/presets';
import { powerLawRows } from './loads.js';
import type { KernelTableName, SiliconRow } from './table.js';

/** Experts' rows begin at multiples of this many after a normal dispatch. */
const ROW_ALIGNMENT = 128;
/** What the replay of a captured graph takes beside its kernels, µs; times of short graphs have it. */
const REPLAY_US = 2;
/** Draws of skewed loads that were measured in one graph. */
const DRAWS_OF_GRAPH = 5;
/** Widths of MLA's heads, and of what they are projected to. */
const [HEAD_WIDTH, LATENT_WIDTH] = [128, 512];

/** Times the rows of tables on a preset, by the laws of its kernels. */
export class RowTimes {
  readonly #calls: KernelCalls;

  constructor(hardware: HardwarePreset) {
    this.#calls = new KernelCalls(hardware);
  }

  /** @returns µs of a row as the preset's laws have it; undefined where they have none for what was measured. */
  us(table: KernelTableName, row: SiliconRow): number | undefined {
    const { keys } = row;
    const at = (key: string): number => Number(keys[key]);
    switch (table) {
      case 'gemm':
        return us(this.#product(keys['dtype'], at('m'), at('n'), at('k')));
      case 'mla-bmm': {
        if (keys['dtype'] !== 'bfloat16') return undefined;
        return us(this.#calls.batchedProducts(at('heads'), at('tokens'), LATENT_WIDTH, HEAD_WIDTH)) + REPLAY_US;
      }
      case 'mla-context': {
        const [batch, length] = [at('batch'), at('length')];
        const work = { tokens: batch * length, attentionPairs: (batch * length * (length + 1)) / 2 };
        return us(this.#calls.module('mla-context', { heads: at('heads') }, work));
      }
      case 'mla-generation': {
        const work = { tokens: at('batch'), attentionPairs: at('batch') * at('length') };
        return us(this.#calls.module('mla-generation', { heads: at('heads') }, work)) + REPLAY_US;
      }
      case 'moe-context':
      case 'moe-generation':
        return this.#expertsUs(table, keys);
    }
  }

  #product(dtype: string, m: number, n: number, k: number): KernelCall | undefined {
    if (dtype === 'bfloat16') return this.#calls.inGraph([['gemm-bf16', { m, n, k }]]);
    return dtype === 'fp8_block' ? this.#calls.linearFp8(m, n, k) : undefined;
  }

  /** The mean over draws of the loads. */
  #expertsUs(table: 'moe-context' | 'moe-generation', keys: SiliconRow['keys']): number {
    const [ranks, receivedTokens] = [Number(keys['ep']), Number(keys['tokens'])];
    const module = table === 'moe-context' ? 'experts-context' : 'experts-generation';
    const times = expertRows(table, keys).map((rowsOfExperts) =>
      us(this.#calls.module(module, { ranks }, { rowsOfExperts, receivedTokens })),
    );
    const mean = times.reduce((sum, each) => sum + each, 0) / times.length;
    return table === 'moe-context' ? mean : mean + REPLAY_US / DRAWS_OF_GRAPH;
  }
}

function us(call: KernelCall): number;
function us(call: KernelCall | undefined): number | undefined;
function us(call: KernelCall | undefined): number | undefined {
  return call === undefined ? undefined : call.ns / 1000;
}

const drawn = new Map<string, readonly (readonly number[])[]>();

/** The rows of each expert of the rank that was timed, in each draw of the loads. */
function expertRows(table: KernelTableName, keys: SiliconRow['keys']): readonly (readonly number[])[] {
  const [experts, ranks, topK, tokens] = ['experts', 'ep', 'topk', 'tokens'].map((key) => Number(keys[key]));
  const { distribution } = keys;
  const id = [table, experts, ranks, topK, tokens, distribution].join(' ');
  let rows = drawn.get(id);
  if (rows === undefined) {
    if (distribution === 'uniform') {
      rows = [uniformRows(table, experts / ranks, Math.floor((tokens * topK) / experts), (tokens / ranks) * topK)];
    } else {
      const draws = powerLawRows({ experts, ranks, topK, tokens }, Number(distribution.replace('power_law_', '')));
      rows = table === 'moe-context' ? draws.map((draw) => draw.map(aligned)) : draws;
    }
    drawn.set(id, rows);
  }
  return rows;
}

function aligned(rows: number): number {
  return Math.ceil(rows / ROW_ALIGNMENT) * ROW_ALIGNMENT;
}

/**
 * Uniform loads as they were measured. After a normal dispatch experts' rows followed each other without padding, so
 * that a tile has rows of several experts, and the matrix of the first of them. After a low-latency one, experts of
 * less than a row had one or none.
 */
function uniformRows(table: KernelTableName, local: number, perExpert: number, ofRank: number): number[] {
  if (table === 'moe-context') {
    const all = local * perExpert;
    const tiles = Math.min(local, Math.ceil(all / ROW_ALIGNMENT));
    return Array.from({ length: local }, (_, i) => (i < tiles ? all / tiles : 0));
  }
  if (perExpert > 0) return new Array<number>(local).fill(perExpert);
  return Array.from({ length: local }, (_, i) => (i < ofRank ? 1 : 0));
}
