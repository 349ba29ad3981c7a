/**
 * What is fitted to which rows: a stage's constants are free, those of stages before it stay. A constant is told by its
 * place in the preset, and begins at `start` times the preset's own; `kinds` are given as they are before.
 */
const DEEP_GEMM = { model: 'tile', operandBytes: 1, resultBytes: 2 };
const COLUMNS = [16, 32, 48, 64, 80, 96, 112, 128, 160, 192];

export const STAGES = [
  {
    name: 'BF16 products',
    tables: ['gemm'],
    where: ({ dtype }) => dtype === 'bfloat16',
    kinds: () => ({
      'gemm-bf16': {
        ...{
          model: 'tile',
          operandBytes: 2,
          resultBytes: 2,
          tileRows: [64, 128],
          tileColumns: [32, 64, 128, 192, 256],
        },
        ...{ floorNs: 1700, tileNs: 400, nsPerK: 6, leastNsPerK: 1.2, splitNs: 1600, memoryGBps: 2700 },
      },
    }),
    free: { 'gemm-bf16': ['floorNs', 'tileNs', 'nsPerK', 'leastNsPerK', 'splitNs', 'memoryGBps'] },
  },
  {
    name: 'FP8 products',
    tables: ['gemm'],
    where: ({ dtype }) => dtype === 'fp8_block',
    kinds: ({ laysOutScales, kernels }) => ({
      'deep-gemm-fp8': {
        ...{ ...DEEP_GEMM, tileRows: [64, 128], tileColumns: COLUMNS },
        // From BF16 activations casts and products go together: floors are told apart by MLA's many of both.
        ...{ floorNs: 1400, tileNs: 700, nsPerK: 2.9, leastNsPerK: 0.9, memoryGBps: kernels['gemm-bf16'].memoryGBps },
      },
      'fp8-cast': { model: 'memory', floorNs: 900, GBps: 0.75 * kernels['gemm-bf16'].memoryGBps },
      ...(laysOutScales ? { 'scale-layout': { model: 'memory', floorNs: 6000, GBps: 8 } } : {}),
    }),
    free: {
      'deep-gemm-fp8': ['tileNs', 'nsPerK', 'leastNsPerK', 'memoryGBps'],
      'fp8-cast': ['GBps'],
      'scale-layout': ['floorNs', 'GBps'],
    },
    freeWithoutLayout: { 'fp8-cast': ['floorNs'] },
  },
  {
    name: "MLA's batched products",
    tables: ['mla-bmm'],
    // Others' operands stay in the L2 cache from one replay of the graph to the next.
    where: ({ dtype, tokens, heads }) => dtype === 'bfloat16' && (tokens * heads < 256 || tokens * heads > 65536),
    kinds: ({ kernels }) => ({
      'bmm-bf16': { model: 'memory', floorNs: 1300, GBps: kernels['gemm-bf16'].memoryGBps },
    }),
    free: { 'bmm-bf16': ['floorNs', 'GBps'] },
  },
  {
    name: 'MLA in decode',
    tables: ['mla-generation'],
    where: () => true,
    kinds: ({ kernels, memory }) => ({
      'attention-decode': {
        ...{ model: 'flops', floorNs: 1500, tflopsPerSm: 4.2 * memory, memoryGBps: 0.9 * kernels['bmm-bf16'].GBps },
        ...{ keysInRow: 1024, nsPerKey: 8, tileNs: 300 },
      },
      elementwise: { model: 'memory', floorNs: 1100, GBps: 0.9 * kernels['bmm-bf16'].GBps },
      rotary: { model: 'memory', floorNs: 800, GBps: 0.9 * kernels['bmm-bf16'].GBps },
    }),
    free: {
      'attention-decode': ['floorNs', 'tflopsPerSm', 'memoryGBps', 'nsPerKey', 'tileNs'],
      elementwise: ['floorNs', 'GBps'],
      rotary: ['floorNs'],
    },
  },
  {
    name: 'MLA in prefill',
    tables: ['mla-context'],
    where: () => true,
    kinds: ({ kernels, memory }) => ({
      'attention-forward': {
        ...{
          model: 'flops',
          floorNs: 3000,
          tflopsPerSm: 4.6 * memory,
          memoryGBps: kernels['bmm-bf16'].GBps,
          tileNs: 3300,
        },
      },
      'sequence-walk': { model: 'memory', floorNs: 0, GBps: 0.00055 },
    }),
    host: { moduleLaunchNs: 40500 },
    free: {
      'attention-forward': ['tflopsPerSm', 'tileNs'],
      'sequence-walk': ['GBps'],
      host: ['moduleLaunchNs'],
    },
  },
  {
    name: "experts' rows after a normal dispatch",
    tables: ['moe-context'],
    where: () => true,
    kinds: ({ kernels, memory }) => ({
      'grouped-gemm-fp8': {
        ...{ ...DEEP_GEMM, tileRows: [128], tileColumns: [128], floorNs: 1500, tileNs: 500 },
        ...{ nsPerK: kernels['deep-gemm-fp8'].nsPerK, memoryGBps: kernels['deep-gemm-fp8'].memoryGBps },
      },
      permute: { model: 'memory', floorNs: 2000, GBps: 1900 * memory },
    }),
    free: { 'grouped-gemm-fp8': ['tileNs', 'nsPerK', 'memoryGBps'], permute: ['GBps'] },
  },
  {
    name: "experts' rows after a low-latency dispatch",
    tables: ['moe-generation'],
    where: () => true,
    kinds: ({ kernels, memory }) => ({
      'masked-gemm-fp8': {
        ...{ ...DEEP_GEMM, tileRows: [64, 128], tileColumns: [32, 64, 128], floorNs: 5000, tileNs: 400 },
        ...{ nsPerK: kernels['grouped-gemm-fp8'].nsPerK, leastNsPerK: 0.6, memoryGBps: 2700 * memory },
      },
      'masked-swiglu': { model: 'memory', floorNs: 2500, GBps: 1100 * memory },
    }),
    free: {
      'masked-gemm-fp8': ['floorNs', 'tileNs', 'nsPerK', 'leastNsPerK', 'memoryGBps'],
      'masked-swiglu': ['floorNs', 'GBps'],
    },
  },
];
