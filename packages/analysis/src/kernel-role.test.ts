import { expect } from 'chai';
import { KernelRoles } from './kernel-role.js';
import { analysedRanks, kernel } from './trace.test-helper.js';
import type { KernelPattern } from './kernel-patterns.js';

/** Names as profilers print them, and `library | category | link` of each. */
const COMMUNICATION: readonly (readonly [name: string, expected: string])[] = [
  ['void deep_ep::internode::dispatch<false, 8, false, 8192, 20, 4>(int4*, float*, long*)', 'DeepEP | dispatch | rdma'],
  ['void deep_ep::internode::combine<false, 8, __nv_bfloat16, 20>(int4*, bool const*)', 'DeepEP | combine | rdma'],
  ['void deep_ep::internode::cached_notify<false>(int, int)', 'DeepEP | notify | rdma'],
  ['void deep_ep::internode::notify_dispatch<false, 8>(int const*, int*, int)', 'DeepEP | notify | rdma'],
  ['void deep_ep::intranode::dispatch<8, 768, 8192>(int4*, float*)', 'DeepEP | dispatch | nvlink'],
  ['void deep_ep::intranode::cached_notify_combine<8>(void**, int*)', 'DeepEP | notify | nvlink'],
  ['void deep_ep::intranode::barrier<8>(int**, int)', 'DeepEP | notify | nvlink'],
  ['void deep_ep::layout::get_dispatch_layout<256, 8, 8>(long const*, int*)', 'DeepEP | layout | -'],
  ['void dpsk::ep::get_dispatch_layout<256, 8, 8>(long const*)', 'DeepEP | layout | -'],
  ['void dpsk::ep::internode::cached_notify<false>(int)', 'DeepEP | notify | rdma'],
  ['_ZN7deep_ep9internode8dispatchILb0ELi8ELb0ELi8192ELi20ELi4EEEvP4int4PfPlS3_', 'DeepEP | dispatch | rdma'],
  ['_ZN7deep_ep12internode_ll7combineILb0ELi7168EEEvPvS1_PiPlS2_', 'DeepEP | combine | rdma'],
  ['void deep_ep::internode_ll::dispatch<true, false, 7168>(void*, void*, int*)', 'DeepEP | dispatch | rdma'],
  ['void deep_ep::internode_ll::clean_low_latency_buffer<512>(int*, int)', 'DeepEP | notify | rdma'],
  ['void uccl::internode::dispatch<false>(int)', 'DeepEP | dispatch | rdma'],
  ['ncclKernel_AllToAllv deep_ep::internode_ll::dispatch_send', 'DeepEP | dispatch send | rdma'],
  ['ncclKernel_AllToAllv deep_ep::internode_ll::combine_recv', 'DeepEP | combine receive | rdma'],
  ['ncclDevKernel_AllReduce_Sum_bf16_RING_LL(ncclDevKernelArgsStorage<4096ul>)', 'NCCL | all-reduce | -'],
  ['ncclKernel_AllReduce_RING_LL_Sum_float(ncclWorkElem)', 'NCCL | all-reduce | -'],
  ['ncclSymDevKernel_AllReduce_AGxLL_R(ncclSymDevArgs)', 'NCCL | all-reduce | -'],
  ['ncclDevKernel_AllGather_RING_LL(ncclDevKernelArgsStorage<4096ul>)', 'NCCL | all-gather | -'],
  ['ncclDevKernel_ReduceScatter_Sum_f32_RING_LL(ncclDevKernelArgsStorage<4096ul>)', 'NCCL | reduce-scatter | -'],
  ['ncclDevKernel_Broadcast_RING_LL(ncclDevKernelArgsStorage<4096ul>)', 'NCCL | broadcast | -'],
  ['ncclDevKernel_SendRecv(ncclDevKernelArgsStorage<4096ul>)', 'NCCL | send-receive | -'],
  ['void a2a_dispatch_send_kernel<true, 7168, Config>(int)', 'pplx | dispatch send | -'],
  ['void a2a_combine_recv_kernel<8, c10::BFloat16>(int)', 'pplx | combine receive | -'],
  ['void (anonymous namespace)::dispatchKernel<true, true>(int)', 'pplx | dispatch | -'],
  ['void hybrid_ep::dispatch_kernel<unsigned char, 1, 2>(hybrid_ep::param_t<char>)', 'Hybrid-EP | dispatch | -'],
  ['void hybrid_ep::device_sync_kernel<8>(unsigned int*)', 'Hybrid-EP | notify | -'],
  ['void hybrid_ep::scan<256, 8>(bool const*)', 'Hybrid-EP | layout | -'],
  ['void tensorrt_llm::kernels::mnnvl_throughput::moeA2ADispatchKernel<Policy, 8>(P)', 'TensorRT-LLM | dispatch | -'],
  ['void tensorrt_llm::kernels::moe_alltoall::moeA2ACombineKernel<bf16, 8>(P)', 'TensorRT-LLM | combine | -'],
  ['tensorrt_llm::kernels::moe_alltoall::moeA2ASanitizeExpertIdsKernel(int*)', 'TensorRT-LLM | layout | -'],
  ['EpDispatchInterNodeKernel_bf16', 'MORI | dispatch | rdma'],
  ['void mori::moe::EpCombineIntraNodeKernel<hip_bfloat16>(Args<hip_bfloat16>)', 'MORI | combine | nvlink'],
  ['EpDispatchLowLatencyAsyncSend_bf16', 'MORI | dispatch send | -'],
  ['void mori::moe::EpCombineLowLatencyAsyncRecv<hip_bfloat16>(Args)', 'MORI | combine receive | -'],
  ['nvshmemi_transfer_amo_kernel', 'NVSHMEM | other | -'],
  ['void barrier_on_stream_kernel_threadgroup<(threadgroup_t)1>(int, int)', 'NVSHMEM | notify | -'],
  ['sync_all_on_stream_kernel_block()', 'NVSHMEM | notify | -'],
  ['void vllm::cross_device_reduce_2stage<__nv_bfloat16, 8>(RankData*)', 'custom all-reduce | all-reduce | nvlink'],
  ['void sglang::cross_device_reduce_1stage<__nv_bfloat16, 2>(RankData*)', 'custom all-reduce | all-reduce | nvlink'],
  [
    '_ZN4vllm26cross_device_reduce_1stageI13__nv_bfloat16Li8EEEvPNS_8RankDataE',
    'custom all-reduce | all-reduce | nvlink',
  ],
  ['void aiter::reduce_scatter_cross_device_store<bf16, 8>(RankData*)', 'custom all-reduce | reduce-scatter | nvlink'],
  ['void c10d::(anonymous namespace)::two_shot_all_reduce_kernel<bf16, 8>(int)', 'custom all-reduce | all-reduce | -'],
  [
    'void c10d::(anonymous namespace)::multimem_one_shot_all_reduce_kernel<c10::BFloat16>(x)',
    'custom all-reduce | all-reduce | nvlink',
  ],
  [
    'void flashinfer::trtllm_allreduce_fusion::allreduce_fusion_kernel_oneshot_lamport<(Pattern)2, 8>(P)',
    'custom all-reduce | all-reduce | -',
  ],
  ['void flashinfer::trtllm_mnnvl_allreduce::twoshotAllreduceKernel<8>(P)', 'custom all-reduce | all-reduce | -'],
];

/** Names of libraries that have come since, and what they are taken for. */
const NEWER: readonly (readonly [name: string, expected: string])[] = [
  ['void nixl_ep::dispatch<x>(y)', 'NIXL | dispatch'],
  ['void uccl::internode_ll::dispatch<x>(y)', 'DeepEP | dispatch'],
  ['void deepep_v2::hybrid_dispatch(x)', 'DeepEP | dispatch'],
  ['dispatch_impl', 'DeepEP | dispatch'],
  ['hcom_alltoallv__648_83_1', 'HCCL | all-to-all'],
  ['HcclAlltoAllV', 'HCCL | all-to-all'],
  ['MoeDistributeDispatchV2', 'HCCL | dispatch'],
  ['MoeDistributeCombine', 'HCCL | combine'],
  ['oneccl_alltoall_kernel', 'oneCCL | all-to-all'],
  ['void oneccl::sycl_allreduce(x)', 'oneCCL | all-reduce'],
  ['kuserbuffers_pushrecv', 'Transformer Engine | send-receive'],
  ['userbuffers_fp16_sum_inplace_gpu_rr_ag', 'Transformer Engine | other'],
  ['kernel_dispatch_token', 'Triton-distributed | dispatch'],
  ['triton_dist_kernel_all_to_all', 'Triton-distributed | all-to-all'],
  ['void comm_kernels::moe_prepare_kernel(x)', 'TensorRT-LLM | layout'],
  ['moe_comm_kernel', 'TensorRT-LLM | other'],
  ['dlslime::intranode_alltoall_kernel', 'by its name | all-to-all'],
  ['void sgl_all2all::dispatch_kernel<8>', 'by its name | dispatch'],
  ['void trt_ll_allreduce::lamport(x)', 'by its name | all-reduce'],
];

/** Kernels that do both in one slice. */
const FUSED = [
  'void deep_gemm::sm100_fp8_fp4_mega_moe_impl<7168>(x)',
  'void flux::ag_gemm<x>(y)',
  'kernel_gemm_rs_producer',
  'void gemm_allreduce::persistent<x>(y)',
];

/** Computation whose names have words of communication in them. */
const COMPUTATION: readonly (readonly [name: string, category: string])[] = [
  ['void at::native::reduce_kernel<512, 1, at::native::ReduceOp<float, x>>(y)', 'elementwise'],
  [
    'void at::native::index_elementwise_kernel<128, 4, at::native::gpu_index_kernel<at::native::index_put_kernel_impl<at::native::OpaqueType<2>>(dispatch)>>(y)',
    'permute',
  ],
  ['void at::native::_scatter_gather_elementwise_kernel<128, 8, x>(y)', 'permute'],
  ['void dispatch_index_kernel<int>(x)', 'permute'],
  ['void flash::flash_fwd_splitkv_combine_kernel<Flash_fwd_kernel_traits<512, 64>, 4>(Params)', 'attention'],
  ['void cutlass::device_kernel<flash::FlashAttnFwdCombine<cute::tuple<cute::C<16>>, float>>(x)', 'attention'],
  ['void smxx::decode::flash_fwd_mla_combine_kernel<cutlass::bfloat16_t>(x)', 'attention'],
  ['void vllm::merge_attn_states_kernel<__nv_bfloat16, 128>(x)', 'attention'],
  ['void vllm::moe::moe_align_block_size_kernel<int, 256>(int*)', 'other'],
  ['void vllm::moe::moe_sum_kernel<c10::BFloat16, 8>(x)', 'other'],
  ['void vllm::moe::topkGatingSoftmax<8, 256, 4, 16>(x)', 'router'],
  ['_fwd_kernel_ep_scatter_1', 'permute'],
  ['_fwd_kernel_ep_gather', 'permute'],
  ['deep_ep_post_permute_triton_kernel', 'permute'],
  ['fused_moe_kernel', 'grouped gemm'],
  ['triton_poi_fused_all_reduce_clone_0', 'elementwise'],
  ['void splitKreduce_kernel<32, 16, int, float, __nv_bfloat16>(x)', 'gemm'],
  ['void deep_gemm::sm90_m_grouped_fp8_gemm_masked_1d2d_impl<7168u>(x)', 'grouped gemm'],
  ['void cub::detail::reduce::DeviceReduceSingleTileKernel<x>(y)', 'elementwise'],
  ['chunk_combine_kernel', 'other'],
];

describe('the table of kernel names', () => {
  for (const [name, expected] of COMMUNICATION) {
    it(`takes ${name.slice(0, 70)} for communication`, () => {
      const role = new KernelRoles().of(name);
      expect(role.class).to.equal('communication');
      expect(`${role.library} | ${role.category} | ${role.collective?.link ?? '-'}`).to.equal(expected);
    });
  }

  for (const [name, expected] of NEWER) {
    it(`takes ${name} for communication, of whatever library`, () => {
      const role = new KernelRoles().of(name);
      expect([role.class, `${role.library} | ${role.category}`]).to.deep.equal(['communication', expected]);
    });
  }

  for (const name of FUSED) {
    it(`takes ${name} for computation and communication in one`, () => {
      expect(new KernelRoles().of(name)).to.include({ class: 'compute', category: 'fused with communication' });
    });
  }

  it('says of what it takes for computation that it looks like communication, or is both in one', async () => {
    const names = [FUSED[0], 'my_ep_dispatch_kernel', ...COMPUTATION.map(([name]) => name)];
    const { analysis } = await analysedRanks([names.map((name, i) => kernel(name, 7, i * 10, 9))]);
    expect(analysis.problems.map(({ message }) => message)).to.deep.equal([
      'my_ep_dispatch_kernel looks like communication and is counted as computation: if that is wrong, name them with --communication PATTERN',
      `${FUSED[0]}: computation and communication in one slice, counted as computation; how much of either it is, and what of it waits, no trace tells`,
    ]);
    expect(analysis.partial).to.equal(false);
  });

  for (const [name, category] of COMPUTATION) {
    it(`takes ${name.slice(0, 70)} for computation`, () => {
      const expected = { class: 'compute', library: '', category, collective: undefined };
      expect(new KernelRoles().of(name)).to.deep.equal(expected);
    });
  }

  it('takes copies and fills for neither', () => {
    for (const name of ['Memcpy DtoH (Device -> Pinned)', 'Memcpy PtoP (Device -> Device)', 'Memset (Device)']) {
      expect(new KernelRoles().of(name).class, name).to.equal('memory');
    }
  });

  it('yields to patterns of the user, about any part of a name and also of copies', () => {
    const own: KernelPattern[] = [
      { library: 'mine', pattern: /my_alltoall/, class: 'communication' },
      { library: '', pattern: /deep_ep/, class: 'compute' },
      { library: 'P2P', pattern: /PtoP/, class: 'communication' },
    ];
    const roles = new KernelRoles(own);
    expect(roles.of('void my_alltoall_kernel<int>(x)')).to.include({ class: 'communication', library: 'mine' });
    expect(roles.of('void deep_ep::internode::dispatch<false>(x)').class).to.equal('compute');
    expect(roles.of('Memcpy PtoP (Device -> Device)').class).to.equal('communication');
    expect(roles.of('Memcpy DtoD (Device -> Device)').class).to.equal('memory');
  });

  it('has a role for a name of any form', () => {
    for (const name of ['', ' ', '::', '<', '_Z', '_ZN', '_ZN999x', '(anonymous namespace)::', 'a<b<c', '>>>']) {
      expect(new KernelRoles().of(name), name).to.include({ class: 'compute', category: 'other' });
    }
  });
});
