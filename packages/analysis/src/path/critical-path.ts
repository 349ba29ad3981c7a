import { microseconds, ratio, rounded } from '@epemu/core';
import { KERNEL_CLASSES } from '@epemu/timeline';
import { NODE_KIND } from './graph.js';
import type { EventGraph } from './graph.js';

/**
 * What a stretch of the critical path is: a kernel that computes, one that moves bytes or their way from another rank,
 * a wait for no byte but for other ranks, or nothing that the trace shows (a launch that came late, a kernel's gap).
 */
export type PathKind = 'computation' | 'communication' | 'gap';

/** A stretch of the critical path. Times are ns. */
export interface PathPiece {
  /** Index of the rank among those of the trace. */
  readonly rankIndex: number;
  /** Index of the stream among the rank's. */
  readonly stream: number;
  readonly phase: string;
  readonly startNs: number;
  readonly endNs: number;
  readonly kind: PathKind;
  /** Of it, gaps between its kernels. */
  readonly gapNs: number;
  /** Index of the rank that a message came from; undefined where the path stays on its rank. */
  readonly from: number | undefined;
}

/** Time on the path by what it was spent on. */
export interface PathShare {
  readonly us: number;
  readonly pct: number;
}

/** A longest chain of kernels, transfers and waits through all ranks. */
export interface CriticalPath {
  /** When the first kernel of the chain starts. */
  readonly startUs: number;
  /** From there to the end of the last kernel. */
  readonly pathUs: number;
  readonly byKind: Readonly<Record<PathKind, PathShare>>;
  /** The most first. */
  readonly byPhase: readonly (PathShare & { readonly phase: string })[];
  readonly byRank: readonly (PathShare & { readonly rank: number })[];
  /** Ranks that it goes through, one after the other, and why it changes: how often a message or a wait takes it over. */
  readonly rankChanges: number;
}

/** Walks back from the last end along what each thing waited for longest. */
class Walker {
  readonly pieces: PathPiece[] = [];
  readonly #graph: EventGraph;
  #rankIndex = 0;

  constructor(graph: EventGraph) {
    this.#graph = graph;
  }

  walk(): void {
    const { endNs } = this.#graph;
    let node = 0;
    for (let i = 1; i < endNs.length; i++) if (endNs[i] > endNs[node]) node = i;
    // Each step goes to something that ended before, or to the rank that came last.
    for (let next: number | undefined = node; next !== undefined;) next = this.#before(this.#ownPiece(next));
    this.pieces.reverse();
  }

  #rankOf(node: number): number {
    const { first } = this.#graph;
    // The path stays on its rank most of the time.
    if (node < first[this.#rankIndex] || node >= first[this.#rankIndex + 1]) {
      this.#rankIndex = first.findIndex((base, index) => node >= base && node < (first[index + 1] ?? 0));
    }
    return this.#rankIndex;
  }

  #add(node: number, startNs: number, untilNs: number, kind: PathKind, from?: number): void {
    // By what rounding adds, something may end behind the start of what waited for it.
    const endNs = Math.min(untilNs, this.pieces.at(-1)?.startNs ?? untilNs);
    if (endNs <= startNs) return;
    const rankIndex = this.#rankOf(node);
    const { stream, instance, gapNs: gaps } = this.#graph;
    const phase = this.#graph.ranks[rankIndex].phases[instance[node]] ?? '';
    const gapNs = kind === 'gap' ? endNs - startNs : Math.min(endNs - startNs, gaps[node]);
    this.pieces.push({ rankIndex, stream: stream[node], phase, startNs, endNs, kind, gapNs, from });
  }

  /** Adds what a node itself takes. @returns the node whose start the path goes on from. */
  #ownPiece(node: number): number {
    const { startNs, endNs, kind, hub, hubs, tailNs } = this.#graph;
    const own = KERNEL_CLASSES[this.#graph.class[node]] === 'communication' ? 'communication' : 'computation';
    if (kind[node] === NODE_KIND.local) {
      this.#add(node, startNs[node], endNs[node], own);
      return node;
    }
    const { nodes, bySend } = hubs[hub[node]];
    const times = bySend ? endNs : startNs;
    const last = nodes.reduce((latest, other) => (times[other] > times[latest] ? other : latest));
    const arrivedNs = kind[node] === NODE_KIND.receive ? times[last] + tailNs[node] : endNs[node];
    if (last === node || (kind[node] === NODE_KIND.receive && arrivedNs <= startNs[node])) {
      this.#add(node, startNs[node], endNs[node], own);
      return node;
    }
    this.#add(node, arrivedNs, endNs[node], own);
    const from = this.#rankOf(last);
    this.#add(node, times[last], arrivedNs, 'communication', from);
    if (bySend) this.#add(last, startNs[last], endNs[last], 'communication');
    return last;
  }

  /** Adds the gap before a node's start. @returns what it waited for last; undefined at the path's beginning. */
  #before(node: number): number | undefined {
    const { beforeFrom, before, endNs, startNs } = this.#graph;
    let latest: number | undefined;
    for (let i = beforeFrom[node]; i < beforeFrom[node + 1]; i++) {
      const other = before[i];
      if (latest === undefined || endNs[other] > endNs[latest]) latest = other;
    }
    if (latest !== undefined) this.#add(node, endNs[latest], startNs[node], 'gap');
    return latest;
  }
}

/** @returns the pieces of a longest chain, ascending in time; they follow each other without a hole. */
export function criticalPathPieces(graph: EventGraph): PathPiece[] {
  if (graph.startNs.length === 0) return [];
  const walker = new Walker(graph);
  walker.walk();
  return walker.pieces;
}

function shares<Key>(
  pieces: readonly PathPiece[],
  partsOf: (piece: PathPiece, ns: number) => readonly (readonly [Key, number])[],
  totalNs: number,
): Map<Key, PathShare> {
  const sums = new Map<Key, number>();
  for (const piece of pieces) {
    for (const [key, ns] of partsOf(piece, piece.endNs - piece.startNs)) sums.set(key, (sums.get(key) ?? 0) + ns);
  }
  return new Map([...sums].map(([key, ns]) => [key, { us: microseconds(ns), pct: rounded(100 * ratio(ns, totalNs)) }]));
}

/** Sums a path up. */
export function summarisePath(pieces: readonly PathPiece[], ranks: readonly number[]): CriticalPath {
  const totalNs = pieces.reduce((sum, { startNs, endNs }) => sum + endNs - startNs, 0);
  const kinds = shares<PathKind>(
    pieces,
    ({ kind, gapNs }, ns) => [
      [kind, ns - gapNs],
      ['gap', gapNs],
    ],
    totalNs,
  );
  const none: PathShare = { us: 0, pct: 0 };
  const byMost = <Entry extends PathShare>(entries: Entry[]): Entry[] => entries.sort((a, b) => b.us - a.us);
  return {
    startUs: microseconds(pieces[0]?.startNs ?? 0),
    pathUs: microseconds(totalNs),
    byKind: {
      computation: kinds.get('computation') ?? none,
      communication: kinds.get('communication') ?? none,
      gap: kinds.get('gap') ?? none,
    },
    byPhase: byMost(
      [...shares(pieces, ({ phase }, ns) => [[phase, ns]], totalNs)].map(([phase, share]) => ({ phase, ...share })),
    ),
    byRank: byMost(
      [...shares(pieces, ({ rankIndex }, ns) => [[rankIndex, ns]], totalNs)].map(([index, share]) => ({
        rank: ranks[index],
        ...share,
      })),
    ),
    rankChanges: pieces.filter(({ rankIndex }, index) => index > 0 && pieces[index - 1].rankIndex !== rankIndex).length,
  };
}
