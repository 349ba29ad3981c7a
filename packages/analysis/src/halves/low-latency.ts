import { parseKernelName } from '@epemu/trace';

/** The two collectives that low latency splits. */
export type LowLatencyKind = 'dispatch' | 'combine';

/**
 * Kernels that do either half, or both: DeepEP's, by what DeepSeek's own traces call them (`dispatch_ll`), variants of
 * other sizes, and libraries that have no others. A `_send` or `_recv` says itself what it is.
 */
const LOW_LATENCY =
  /(?:^|::)(?:(?:internode_ll|ll|low_latency|nixl_ep|mooncake)::(dispatch|combine)(?:_opt\w*|_kernel)?|(dispatch|combine)_(?:ll|low_latency)(?:_opt\w*|_kernel)?)$/;

/** @returns the low-latency collective that a kernel is of, by its name; undefined of all else. */
export function lowLatencyKind(name: string): LowLatencyKind | undefined {
  const found = LOW_LATENCY.exec(parseKernelName(name).path.join('::'));
  return (found?.[1] ?? found?.[2]) as LowLatencyKind | undefined;
}
