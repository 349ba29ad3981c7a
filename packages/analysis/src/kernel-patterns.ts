import type { KernelClass } from '@epemu/timeline';

/** An entry of the table: first match wins. */
export interface KernelPattern {
  readonly library: string;
  /** Matched against the qualified name without template arguments, `deep_ep::internode::dispatch`. */
  readonly pattern: RegExp;
  readonly class: KernelClass;
}

/**
 * Communication kernels of EP libraries, whose names do not begin with `nccl` and so are computation to other
 * analysers; everything that matches none is computation.
 */
export const KERNEL_PATTERNS: readonly KernelPattern[] = [
  {
    library: 'DeepEP',
    pattern: /(?:^|::)(?:deep_?ep(?:_\w+)?|dpsk::ep|uccl(?:_\w+)?|mooncake)::/,
    class: 'communication',
  },
  { library: 'NIXL', pattern: /(?:^|::)nixl(?:_\w+)?::/, class: 'communication' },
  { library: 'NCCL', pattern: /(?:^|::)nccl_ep::/, class: 'communication' },
  { library: 'DeepEP', pattern: /(?:^|::)(?:internode|intranode|internode_ll)::\w/, class: 'communication' },
  { library: 'DeepEP', pattern: /(?:^|::)get_dispatch_layout$/, class: 'communication' },
  // The second version's are in an anonymous namespace, of which a parsed name has nothing.
  { library: 'DeepEP', pattern: /^(?:dispatch|combine)_impl$/, class: 'communication' },
  { library: 'Hybrid-EP', pattern: /(?:^|::)hybrid_ep::/, class: 'communication' },
  {
    library: 'pplx',
    pattern: /(?:^|::)(?:a2a_(?:dispatch|combine)_(?:send|recv)|pplx(?:_\w+)?::)/,
    class: 'communication',
  },
  // Its first version's are in an anonymous namespace, of which a parsed name has nothing.
  { library: 'pplx', pattern: /(?:^|::)(?:dispatch|combine)Kernel$/, class: 'communication' },
  {
    library: 'TensorRT-LLM',
    pattern: /(?:^|::)(?:moe(?:A2A|AllToAll|_a2a|_alltoall|_?comm(?:_|$|kernel))\w*|comm_kernels::\w+)/i,
    class: 'communication',
  },
  { library: 'MORI', pattern: /(?:^|::)Ep(?:Dispatch|Combine)\w*/, class: 'communication' },
  {
    library: 'PyTorch symmetric memory',
    pattern: /(?:^|::)symmetric_memory::|(?:^|::)all_to_all_vdev\w*/,
    class: 'communication',
  },
  {
    library: 'NVSHMEM',
    pattern: /(?:^|::)(?:nvshmem\w*|(?:barrier|sync|quiet)(?:_all)?_on_stream_kernel\w*)/,
    class: 'communication',
  },
  { library: 'HCCL', pattern: /^(?:hcom_|hccl|AivKernel|MoeDistribute(?:Dispatch|Combine))/i, class: 'communication' },
  { library: 'oneCCL', pattern: /(?:^|::)(?:one)?ccl(?:_\w+)?::|^oneccl_/, class: 'communication' },
  { library: 'Transformer Engine', pattern: /(?:^|::)k?userbuffers_\w+/, class: 'communication' },
  {
    library: 'Triton-distributed',
    pattern: /^kernel_(?:dispatch|combine)_token|^triton_dist_\w+/,
    class: 'communication',
  },
  { library: 'NCCL', pattern: /^(?:nccl|rccl|mscclpp)|(?:^|::)(?:mscclpp|msccl)::/, class: 'communication' },
  {
    library: 'custom all-reduce',
    pattern:
      /(?:^|::)(?:\w*cross_device_(?:reduce|all_gather|store)\w*|multimem_\w+|(?:one|two)_shot_all_\w+|\w*all_?reduce_fusion\w*|\w*allreduce\w*)$/i,
    class: 'communication',
  },
  // What no library is known for, and yet says by its name what it does; compilers name fused operators so as well.
  {
    library: 'by its name',
    pattern:
      /^(?!triton_(?:poi|red|per|tem)_).*?(?:all_?to_?allv?|all2all|all_?reduce|all_?gather(?!.*(?:elementwise|index))|reduce_?scatter(?!.*elementwise))/i,
    class: 'communication',
  },
];

/**
 * Kernels that compute and communicate in one slice, as MegaMoE of DeepGEMM, Flux and Triton-distributed have them: no
 * trace tells the one from the other.
 */
export const FUSED =
  /mega_?moe|(?:^|_|::)(?:ag|all_?gather)_?(?:moe_?)?(?:group_?)?gemm|gemm_?(?:rs|ar|reduce_?scatter|all_?reduce|all_?to_?all|a2a)(?:_|$|::)/i;
