import type { ModelPreset } from '@epemu/presets';
import type { CollectiveRole } from './collectives.js';
import type { TracedRun } from './traced-run.js';

/** Kernels of a collective: waits and transfers, which a preset's `kernels` do not have. */
export interface CollectiveFigures {
  /** Phase that they lie in; undefined where the trace has none. */
  readonly phase: string | undefined;
  /** `internode::dispatch` */
  readonly name: string;
  readonly role: CollectiveRole;
  readonly count: number;
  readonly meanUs: number;
  /** Relative standard deviation. */
  readonly spread: number;
  /** Bytes that leave the node for each ns, of a normal-mode transfer over RDMA; other ranks' delays included. */
  readonly rdmaGBps: number | undefined;
}

/**
 * @returns nodes that a token goes to, its own included, under even routing: the groups it picks hold experts on them.
 * (V3: 4.0 of 8 nodes and 3.14 of 4, against 3.965 and 3.12 by simulation.)
 */
export function nodesOfToken(model: ModelPreset, nodes: number): number {
  const { expertGroups, topGroups, topK } = model;
  if (nodes > expertGroups) {
    // A group spans several nodes; its picks fall on any of them.
    const nodesOfGroup = nodes / expertGroups;
    return topGroups * nodesOfGroup * (1 - (1 - 1 / nodesOfGroup) ** (topK / topGroups));
  }
  let missed = 1;
  for (let i = 0; i < topGroups; i++)
    missed *= Math.max(0, expertGroups - expertGroups / nodes - i) / (expertGroups - i);
  return nodes * (1 - missed);
}

/** What the collectives of a run took, by phase and kernel. */
export function collectiveFigures(
  run: TracedRun,
  phases: ReadonlyMap<number, string>,
  model: ModelPreset,
  nodes: number,
  tokens: number,
): CollectiveFigures[] {
  const groups = new Map<string, { index: number; us: number[] }>();
  for (const [index, { name }] of run.collectives) {
    const key = `${phases.get(index) ?? ''} ${name}`;
    const group = groups.get(key);
    const us = run.trace.kernels[index].durationUs;
    if (group === undefined) groups.set(key, { index, us: [us] });
    else group.us.push(us);
  }
  const copies = tokens * nodesOfToken(model, nodes) * ((nodes - 1) / nodes);
  return [...groups.values()].map(({ index, us }) => {
    const { name, role } = run.collectives.get(index)!;
    const meanUs = us.reduce((sum, value) => sum + value, 0) / us.length;
    const variance = us.reduce((sum, value) => sum + (value - meanUs) ** 2, 0) / us.length;
    const spread = meanUs > 0 ? Math.sqrt(variance) / meanUs : 0;
    const bytes = name.endsWith('combine') ? model.bytesPerToken.combine : model.bytesPerToken.dispatch;
    const overRdma = role === 'transfer' && name.startsWith('internode::') && nodes > 1 && Number.isFinite(tokens);
    const rdmaGBps = overRdma && meanUs > 0 ? (copies * bytes) / (meanUs * 1000) : undefined;
    return { phase: phases.get(index), name, role, count: us.length, meanUs, spread, rdmaGBps };
  });
}
