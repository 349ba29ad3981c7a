/** How a kernel counts in overlap figures, by the definitions of Meta's Holistic Trace Analysis. */
export const KERNEL_CLASSES = ['compute', 'communication', 'memory'] as const;
export type KernelClass = (typeof KERNEL_CLASSES)[number];

/** What a communication kernel does within its collective. */
export const COLLECTIVE_ROLES = ['layout', 'notify', 'send', 'receive', 'transfer'] as const;
export type CollectiveRole = (typeof COLLECTIVE_ROLES)[number];

/** Which collective a kernel belongs to; `other` where its name does not say. */
export const COLLECTIVE_TYPES = [
  'dispatch',
  'combine',
  'all-to-all',
  'all-reduce',
  'all-gather',
  'reduce-scatter',
  'broadcast',
  'send-receive',
  'barrier',
  'other',
] as const;
export type CollectiveType = (typeof COLLECTIVE_TYPES)[number];

/** The part of a communication kernel in its collective. */
export interface CollectiveUse {
  readonly type: CollectiveType;
  readonly role: CollectiveRole;
  /** What carries its bytes farthest: RDMA wherever some may leave the node; undefined where nothing says so. */
  readonly link: 'rdma' | 'nvlink' | undefined;
  /** What NICs twice as fast would leave of the time of its bytes; absent where nothing says, as in captured traces. */
  readonly shareWithFasterNics?: number | undefined;
}

/**
 * What a kernel is: all that figures ask of it. A run knows it from its program, and its trace files say so; of captured
 * traces it is told by the kernel's name.
 */
export interface KernelIdentity {
  /** As it stands in traces; where halves of a collective share a name, with the half behind it. */
  readonly name: string;
  /** Which of several kernels of that name it is: `q_a`, `shared w13`. */
  readonly label: string | undefined;
  readonly class: KernelClass;
  /** Whose kernel it is, of those known; empty for all others. */
  readonly library: string;
  /** Kind of kernel, for grouping: `gemm`, `attention forward`, `notify`, … */
  readonly category: string;
  /** Undefined for all but communication. */
  readonly collective: CollectiveUse | undefined;
  /** Thread blocks of one launch, where launches are alike and known. */
  readonly ctas: number | undefined;
}

/** @returns whether a kernel moves bytes between ranks: transfers and receiving halves, not layouts and notifies. */
export function movesBytes({ collective }: KernelIdentity): boolean {
  return collective?.role === 'transfer' || collective?.role === 'receive';
}
