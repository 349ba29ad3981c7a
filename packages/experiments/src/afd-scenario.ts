import { builtInKernelLists } from '@epemu/kernels';
import type { KernelEntry } from '@epemu/kernels';
import type { ModelPreset } from '@epemu/presets';

/** The two sides of attention–FFN disaggregation. */
export interface AfdSize {
  /** Ranks that attend, and ranks that hold the experts. */
  readonly attention: number;
  readonly ffn: number;
  /** Micro-batches that are under way: 2 or 3. */
  readonly microBatches: number;
}

/** Streams: what a side computes, and the halves of transfers in which it has nothing to move. */
const STREAMS = {
  compute: { id: 7, name: 'compute' },
  other: { id: 31, name: 'the other side’s transfers' },
} as const;

const DISPATCH = { type: 'dispatch', mode: 'low-latency', rateKind: 'lowLatencyDispatch' } as const;
const COMBINE = { type: 'combine', mode: 'low-latency', rateKind: 'lowLatencyCombine', cached: true } as const;

/** The list of kernels of attention's second half, over a KV cache of FP8. */
const ATTENTION_FP8 = 'ATTN-1 over FP8';

/** The start of a dispatch, which both sides have: it marks a layer. The experts' side sends nothing. */
function sendPhase(m: number): object {
  const phase = { name: `issue DISPATCH(${m})`, stream: 'compute', kind: 'issue', kernels: 'issue DISPATCH' };
  return { ...phase, microBatch: m, collective: DISPATCH, after: [`ATTN-1(${m})`] };
}

/** @returns phases of one micro-batch on the attention side, in launch order. */
function attentionPhases(m: number, core: string): object[] {
  const own = { roles: ['attention'], microBatch: m };
  const compute = { ...own, stream: 'compute' };
  const other = { ...own, stream: 'other' };
  return [
    // What the layer before sent back is waited for where the next one needs it.
    {
      ...{ ...compute, name: `wait COMBINE(${m})`, kind: 'wait', kernels: 'wait COMBINE', lag: -1 },
      ...{ issue: `join COMBINE(${m})`, collective: COMBINE, after: [`join COMBINE(${m})`] },
    },
    {
      ...{ ...compute, name: `ATTN-0(${m})`, kernels: 'ATTN-0' },
      after: [`wait COMBINE(${m})@-1`, `SHARED(${m})@-1`],
    },
    { ...compute, name: `ATTN-1(${m})`, kernels: core, tokens: ['attend', 'route'], after: [`ATTN-0(${m})`] },
    sendPhase(m),
    { ...compute, name: `SHARED(${m})`, kernels: 'decode-SHARED', after: [`ATTN-1(${m})`] },
    {
      ...{ ...other, name: `join DISPATCH(${m})`, kind: 'wait', kernels: 'wait DISPATCH' },
      ...{ issue: `issue DISPATCH(${m})`, collective: DISPATCH, after: [`issue DISPATCH(${m})`] },
    },
    {
      ...{ ...other, name: `join COMBINE(${m})`, kind: 'issue', kernels: 'issue COMBINE' },
      ...{ collective: COMBINE, after: [`join DISPATCH(${m})`] },
    },
  ];
}

/** @returns the same on the side of the experts. */
function ffnPhases(m: number): object[] {
  const own = { roles: ['ffn'], microBatch: m };
  const compute = { ...own, stream: 'compute' };
  const other = { ...own, stream: 'other' };
  return [
    {
      ...{ ...compute, name: `wait DISPATCH(${m})`, kind: 'wait', kernels: 'wait DISPATCH' },
      ...{ issue: `issue DISPATCH(${m})`, collective: DISPATCH, after: [`issue DISPATCH(${m})`] },
    },
    { ...compute, name: `MLP(${m})`, kernels: 'decode-MLP', after: [`wait DISPATCH(${m})`] },
    {
      ...{ ...compute, name: `issue COMBINE(${m})`, kind: 'issue', kernels: 'issue COMBINE' },
      ...{ collective: COMBINE, after: [`MLP(${m})`] },
    },
    {
      ...{ ...other, name: `end COMBINE(${m})`, kind: 'wait', kernels: 'wait COMBINE' },
      ...{ issue: `issue COMBINE(${m})`, collective: COMBINE, after: [`issue COMBINE(${m})`] },
    },
  ];
}

/** Attention over keys and values of one byte each instead of two. */
function overFp8(kernels: readonly KernelEntry[]): KernelEntry[] {
  return kernels.map((kernel) =>
    kernel.kind === 'attention-decode' ? { ...kernel, bytes: `(${String(kernel.bytes)}) / 2` } : kernel,
  );
}

/**
 * @returns a scenario in which `attention` ranks attend and `ffn` ranks apply the experts: tokens go there and back in the
 *   low-latency mode, while the side that waits works on another micro-batch.
 * @param kvPrecision of grouped-query attention, whose built-in kernels read BF16.
 */
export function afdScenario(
  { attention, ffn, microBatches }: AfdSize,
  model: ModelPreset,
  kvPrecision: unknown = 'fp8',
): Record<string, unknown> {
  const isFp8 = model.attention.kind === 'gqa' && kvPrecision === 'fp8';
  const core = isFp8 ? ATTENTION_FP8 : 'ATTN-1';
  const numbers = Array.from({ length: microBatches }, (_, m) => m);
  const ranks = attention + ffn;
  // Low-latency decode runs 8 ranks a process above 32; here sides need not divide by that.
  const ranksPerWorker = ranks > 32 ? [8, 7, 6, 5, 4, 3, 2, 1].find((size) => ranks % size === 0) : 1;
  const last = (first: number, count: number): string => (count === 1 ? `${first}` : `${first}-${first + count - 1}`);
  return {
    ...{ scenario: 'afd', family: 'inference', ranks, layers: 4, tokensPerMicrobatch: 24, kvLength: 16384 },
    ...{ model: model.name, hardware: 'gb200-nvl72', overlap: 'full', routing: 'skewed', ranksPerWorker },
    roles: {
      attention: { ranks: last(0, attention), group: 'moe' },
      ffn: { ranks: last(attention, ffn), group: 'moe' },
    },
    groups: { moe: { ranks: last(0, ranks), experts: last(attention, ffn) } },
    ...(isFp8 ? { kernels: { [ATTENTION_FP8]: overFp8(builtInKernelLists(model)['ATTN-1']) } } : {}),
    schedule: {
      ...{ layerMarker: 'issue DISPATCH(0)', microBatches, launch: 'graph', computeSms: 'all', communicationSms: 0 },
      streams: STREAMS,
      // A phase is launched where it stands in the list of those of its role.
      phases: numbers.flatMap((m) => [...attentionPhases(m, core), ...ffnPhases(m)]),
    },
  };
}
