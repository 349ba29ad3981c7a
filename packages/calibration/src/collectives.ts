import type { KernelName } from '@epemu/trace';

/** What a kernel does in a collective. */
export type CollectiveRole = 'layout' | 'notify' | 'transfer';

/** Namespaces of DeepEP: normal mode over RDMA, inside a node, and low latency. */
const NAMESPACES: ReadonlySet<string> = new Set(['internode', 'intranode', 'internode_ll']);
const NCCL = /^nccl(?:Dev)?Kernel/;

/** A kernel of a collective, recognised by its name alone. */
export interface Collective {
  readonly role: CollectiveRole;
  /** `internode::dispatch`, or NCCL's name. */
  readonly name: string;
  readonly isLowLatency: boolean;
  /** Whether it holds its SMs beside compute while it moves bytes: the transfers of normal mode. */
  readonly holdsSms: boolean;
}

/** @returns what a kernel is in a collective of DeepEP or NCCL; undefined where it is in none. */
export function collectiveOf({ path }: KernelName): Collective | undefined {
  const last = path.at(-1) ?? '';
  if (last === 'get_dispatch_layout') {
    return { role: 'layout', name: last, isLowLatency: false, holdsSms: false };
  }
  const namespace = path.at(-2) ?? '';
  if (NAMESPACES.has(namespace)) {
    const role = last.includes('notify') ? 'notify' : 'transfer';
    const isLowLatency = namespace === 'internode_ll';
    return { role, name: `${namespace}::${last}`, isLowLatency, holdsSms: role === 'transfer' && !isLowLatency };
  }
  if (!NCCL.test(path[0])) return undefined;
  return { role: 'transfer', name: path[0], isLowLatency: false, holdsSms: false };
}
