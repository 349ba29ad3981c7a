import { MemoryFabric } from '@epemu/fabric';
import { hash32, unitInterval } from '@epemu/core';
import { movementOf } from '@epemu/schedule';
import { buildLayout } from './layout.js';
import { Topology } from './topology.js';
import { BufferPool } from './tokens/buffers.js';
import type { Routed } from './tokens/dispatch-messages.js';
import { NormalExchange } from './tokens/exchange.js';
import { LowLatencyExchange } from './tokens/low-latency-exchange.js';
import type { ReceivedTokens } from './tokens/received.js';

/** Sixteen ranks on nodes of four, four experts each: two hops with something to do on both. */
export const SMALL = topologyOf(16, 4, 64);

/** @returns the topology of a group of all ranks, each with as many experts. */
export function topologyOf(ranks: number, nodeSize: number, experts: number): Topology {
  const all = Array.from({ length: ranks }, (_, rank) => rank);
  return new Topology({ ranks: all, expertRanks: all }, nodeSize, experts);
}

/** @returns a routing of `tokens` tokens to `topK` distinct experts each, by hash of a seed and the rank. */
export function randomRouting(topology: Topology, tokens: number, topK: number, seed: number, rank: number): Routed {
  const expertIds = new Uint16Array(tokens * topK);
  const weights = new Float32Array(tokens * topK);
  for (let token = 0; token < tokens; token++) {
    const chosen = new Set<number>();
    for (let draw = 0; chosen.size < topK; draw++) {
      chosen.add(hash32(seed, rank, token, draw) % topology.experts);
    }
    expertIds.set([...chosen], token * topK);
    for (let slot = 0; slot < topK; slot++) {
      weights[token * topK + slot] = unitInterval(hash32(seed, rank, token, slot, 7));
    }
  }
  return { layout: buildLayout(topology, tokens, topK, expertIds), topK, expertIds, chosenIds: expertIds, weights };
}

/** @returns vectors [tokens × lanes] of small integers, so that sums of them are exact. */
export function integerVectors(tokens: number, lanes: number, seed: number): Float32Array {
  return Float32Array.from({ length: tokens * lanes }, (_, i) => hash32(seed, i) % 64);
}

/** What one rank of a cluster of exchanges works with. */
export interface ExchangeRank {
  readonly rank: number;
  readonly exchange: NormalExchange | LowLatencyExchange;
}

/**
 * Runs `body` on every rank of a cluster that has nothing but one exchange a rank and a fabric between them.
 * @throws the first failure of a rank or of a message.
 */
export async function withExchanges<T>(
  topology: Topology,
  options: { mode: 'normal' | 'low-latency'; creditsPerPeer?: number },
  body: (rank: ExchangeRank) => Promise<T>,
): Promise<T[]> {
  const fabric = new MemoryFabric({ creditsPerPeer: options.creditsPerPeer ?? 8 });
  const buffers = new BufferPool();
  let fail!: (error: unknown) => void;
  const failed = new Promise<never>((_, reject) => {
    fail = reject;
  });
  const ranks = Array.from({ length: topology.ranks }, (_, rank): ExchangeRank => {
    const endpoint = fabric.attach(rank, {
      onHeader: () => undefined,
      onPayload: ({ movement, hop, from, bytes }, release) => {
        const { type, direction } = movementOf(movement);
        const later = exchange.receive({ type, direction, hop, from, bytes });
        if (later === undefined) release();
        else later.then(release).catch(fail);
      },
      onPeerLost: fail,
    });
    const host = { member: rank, topology, endpoint, buffers, fail };
    const exchange = options.mode === 'normal' ? new NormalExchange(host, 0, 0) : new LowLatencyExchange(host, 0, 0);
    return { rank, exchange };
  });
  try {
    return await Promise.race([failed, Promise.all(ranks.map(body))]);
  } finally {
    await fabric.close();
  }
}

/** @returns Σ w·x and the number of entries for every received row: what identity experts make of it. */
export function identityExperts(received: ReceivedTokens, lanes: number): Float32Array {
  const partial = new Float32Array(received.rows * (lanes + 1));
  received.rowOfEntry.forEach((row, entry) => {
    const weight = received.weightOfEntry[entry];
    for (let lane = 0; lane < lanes; lane++) {
      partial[row * (lanes + 1) + lane] += weight * received.vectors[row * lanes + lane];
    }
    partial[row * (lanes + 1) + lanes]++;
  });
  return partial;
}

/** @returns the message of the error that a function throws, or that a promise is rejected with. */
export async function failure(action: () => unknown): Promise<string> {
  try {
    await action();
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
  throw new Error('nothing was thrown');
}
