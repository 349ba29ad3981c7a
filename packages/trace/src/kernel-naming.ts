import type { KernelDescription } from '@epemu/schedule';

/** Whose names communication kernels have in traces: NCCL's before DeepEP's, or those of DeepSeek's published trace. */
export type KernelNaming = 'nccl' | 'deepep';

/** What the program puts before kernels of DeepEP, so that analysers that know only NCCL count them. */
const NCCL_PREFIX = /^ncclKernel_\w+ (?=\S*::)/;

/** Halves of low-latency collectives: of one name in the field, where one kernel is launched for each. */
const HALF = /(?<=(?:^|::)internode_ll::(?:dispatch|combine))_(?:send|recv)$/;

/** Names as DeepSeek's published training trace has them, of 64 ranks on 8 nodes, by the program's. */
const PUBLISHED: Readonly<Record<string, string>> = {
  'deep_ep::layout::get_dispatch_layout':
    'void dpsk::ep::cuda::get_dispatch_layout<256, 32, 8>(long const*, int*, int*, int*, bool*, int, int, int, int)',
  'deep_ep::internode::notify_dispatch':
    'void dpsk::ep::internode::notify_dispatch<false, 8>(int const*, long*, int, int const*, int*, int const*, int*, int, bool const*, int, int, int, int, int, int, int, int*, int*, int*, int*, void*, void**, int**, int, int, int*, int)',
  'deep_ep::internode::cached_notify':
    'void dpsk::ep::internode::cached_notify<false>(int, int, int, int, int*, int, int, int const*, int const*, int*, void*, void**, int**, int, int, int, int*, bool, int)',
  'deep_ep::internode::dispatch':
    'void dpsk::ep::internode::dispatch<false, 8, false, 8>(int4*, float*, long*, float*, dpsk::ep::internode::SourceMeta*, int4 const*, float const*, long const*, float const*, int*, int*, int*, int*, int const*, int const*, int const*, int const*, int, int, int, int, int, bool const*, void*, int, int, void**, int, int, int, int, int*)',
  'deep_ep::internode::combine':
    'void dpsk::ep::internode::combine<false, 8, __nv_bfloat16, 8, 2, 16, 24>(int4*, float*, bool const*, int4 const*, float const*, int4 const*, int4 const*, int const*, int const*, dpsk::ep::internode::SourceMeta const*, int const*, int const*, int const*, int, int, int, int, void*, int, int, void**, int, int, int, int, int*)',
};
/** The third argument of the template says whether a dispatch reuses a layout. */
const DISPATCH_ARGUMENTS = ['<false, 8, false, 8>', '<false, 8, true, 8>'] as const;

function publishedName({ name, category }: KernelDescription): string {
  const bare = name.replace(NCCL_PREFIX, '').replace(HALF, '');
  const published = Object.hasOwn(PUBLISHED, bare) ? PUBLISHED[bare] : bare;
  return category.includes('cached dispatch') ? published.replace(...DISPATCH_ARGUMENTS) : published;
}

/**
 * Names a program's kernel as a trace is to have it. Kernels that DeepSeek's trace lacks only lose what stands for NCCL
 * before their name, and those of low latency what tells their halves apart. The digest and the report are of the
 * program as it was.
 */
export function tracedName(description: KernelDescription, names: KernelNaming): string {
  return names === 'nccl' ? description.name : publishedName(description);
}
