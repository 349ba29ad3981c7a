import { builtInKernelLists } from '@epemu/kernels';
import { loadModel } from '@epemu/presets';
import { expect } from 'chai';
import { collectiveOf } from './collectives.js';
import { isLibraryProduct, isNamed, parseKernelName, sameFunction } from '@epemu/trace';

/** Long names as traces have them, the list's short one, and others that it is not. */
const NAMES: readonly (readonly [string, string, ...string[]])[] = [
  [
    'void cutlass::device_kernel<dpsk::grouped_gemm::cuda::fp8_ptp128c::GemmKernel>(dpsk::grouped_gemm::cuda::fp8_ptp128c::GemmKernel::Params)',
    'dpsk::grouped_gemm::cuda::fp8_ptp128c::GemmKernel',
    'dpsk::grouped_gemm::cuda::m_grouped_fp8_ptp128c::GemmKernel',
  ],
  [
    'void at::native::vectorized_elementwise_kernel<4, at::native::AUnaryFunctor<float, float, float, at::native::binary_internal::MulFunctor<float> >, at::detail::Array<char*, 2> >(int, float)',
    'at::native::vectorized_elementwise_kernel:MulFunctor',
    'at::native::elementwise_kernel:MulFunctor',
    'at::native::vectorized_elementwise_kernel:CUDAFunctor_add',
  ],
  [
    'void (anonymous namespace)::elementwise_kernel_with_index<int, at::native::arange_cuda_out(c10::Scalar const&)::{lambda()#1}>(int)',
    'at::native::elementwise_kernel_with_index',
    'at::native::elementwise_kernel:direct_copy_kernel_cuda',
  ],
  [
    '_ZN2at6native54_GLOBAL__N__d8ceb000_21_DistributionNormal_cu_17e44f7d43distribution_elementwise_grid_stride_kernelIfLi4EZNS0_9templates4cuda20normal_and_transformIffLm4EEEvv',
    'at::native::distribution_elementwise_grid_stride_kernel:normal',
  ],
  [
    'void cutlass::device_kernel<flash::FlashAttnBwd<flash::CollectiveMainloopBwd<2, cute::tuple<cute::C<1> > >, 7> >(int)',
    'flash::FlashAttnBwd',
    'flash::FlashAttnBwdPreprocess',
  ],
  ['std::enable_if<!(false), void>::type internal::reduce_kernel<int, float>(int)', 'at::native::reduce_kernel'],
  ['Memcpy DtoD (Device -> Device)', 'Memcpy DtoD (Device -> Device)', 'Memset (Device)'],
];

describe('names of kernels', () => {
  for (const [traced, listed, ...others] of NAMES) {
    it(`of the trace are found in the lists: ${listed}`, () => {
      expect(isNamed(parseKernelName(traced), parseKernelName(listed))).to.equal(true);
      for (const other of others)
        expect(isNamed(parseKernelName(traced), parseKernelName(other)), other).to.equal(false);
    });
  }

  it('of the lists are found by themselves, as emulated traces have them', () => {
    for (const entries of Object.values(builtInKernelLists(loadModel('deepseek-v3')))) {
      for (const { name } of entries) {
        expect(isNamed(parseKernelName(name), parseKernelName(name)), name).to.equal(true);
      }
    }
  });

  it('tell a function from its functor', () => {
    const [gelu, add] = ['GeluFunctor', 'CUDAFunctor_add'].map((functor) =>
      parseKernelName(`void at::native::vectorized_elementwise_kernel<4, at::native::${functor}<float>>(int)`),
    );
    expect(sameFunction(gelu, add)).to.equal(true);
    expect(isNamed(gelu, parseKernelName('at::native::vectorized_elementwise_kernel:CUDAFunctor_add'))).to.equal(false);
  });

  it('tell what a collective does, in any namespace that DeepEP had', () => {
    const roleOf = (name: string): unknown => collectiveOf(parseKernelName(name))?.role;
    expect(roleOf('void dpsk::ep::internode::notify_dispatch<false, 8>(int const*)')).to.equal('notify');
    expect(roleOf('void deep_ep::intranode::combine<__nv_bfloat16, 8>(int)')).to.equal('transfer');
    expect(roleOf('ncclKernel_AllToAllv deep_ep::internode_ll::dispatch_send')).to.equal('transfer');
    expect(roleOf('void dpsk::ep::cuda::get_dispatch_layout<256, 32, 8>(long const*)')).to.equal('layout');
    expect(roleOf('ncclDevKernel_AllReduce_Sum_bf16_RING_LL(ncclDevKernelArgsStorage<4096ul>)')).to.equal('transfer');
    expect(roleOf('void at::native::reduce_kernel<512>(int)')).to.equal(undefined);
  });

  it('know the matrix products of closed libraries', () => {
    const product = 'sm90_xmma_gemm_bf16f32_bf16f32_f32_tn_n_tilesize64x64x64_cublas';
    expect(isLibraryProduct(parseKernelName(product))).to.equal(true);
    expect(isLibraryProduct(parseKernelName('void deep_gemm::fp8_gemm_kernel<1>(int)'))).to.equal(false);
  });
});
