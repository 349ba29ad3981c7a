import { expect } from 'chai';
import { sliceLabel } from './slice-label.js';

describe('the label of a slice', () => {
  it('is the function of a kernel, without what stands around it', () => {
    const names = [
      'ncclKernel_AllToAllv deep_ep::internode::dispatch',
      'void dpsk::ep::internode::combine<false, 8, __nv_bfloat16, 8, 2, 16, 24>(int4*, float*, bool*)',
      'void at::native::elementwise_kernel<128, 4, at::native::gpu_kernel_impl<at::Add>(int)>(int)',
      'flash_fwd_mla_kernel',
    ];
    expect(names.map(sliceLabel)).to.deep.equal(['dispatch', 'combine', 'elementwise_kernel', 'flash_fwd_mla_kernel']);
  });

  it('is the whole name of a phase', () => {
    for (const phase of ['attn(F)', 'wait DISPATCH(0)', 'PP(B)', 'Memcpy HtoD (Pageable -> Device)', ''])
      expect(sliceLabel(phase)).to.equal(phase);
  });
});
