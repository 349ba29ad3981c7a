import type { KernelDescription } from '@epemu/schedule';

import { float32Text, quote } from './json.js';

/** What a profiler says of a kernel beyond its launch shape. */
interface KernelResources {
  readonly registers: number;
  readonly sharedMemory: number;
}

/**
 * Typical registers per thread and shared memory by category, first match wins; read off the kernels of the published
 * DualPipe trace (reference/train). The cost model does not use them.
 */
const RESOURCES: readonly (readonly [RegExp, KernelResources])[] = [
  [/notify/, { registers: 56, sharedMemory: 0 }],
  [/layout/, { registers: 32, sharedMemory: 41984 }],
  [/combine/, { registers: 72, sharedMemory: 1320 }],
  [/dispatch/, { registers: 113, sharedMemory: 332 }],
  [/gemm|wgrad/, { registers: 168, sharedMemory: 218052 }],
  [/attention backward/, { registers: 168, sharedMemory: 231424 }],
  [/attention/, { registers: 168, sharedMemory: 213088 }],
  [/norm/, { registers: 168, sharedMemory: 64 }],
];
const OTHER: KernelResources = { registers: 32, sharedMemory: 0 };

/** Limits of an SM of the Hopper generation: warps, registers, registers per allocation, static shared memory. */
const SM = { warps: 64, registers: 65536, registerUnit: 256, staticShared: 49152 };

function resourcesOf(kernel: KernelDescription): KernelResources {
  return RESOURCES.find(([pattern]) => pattern.test(kernel.category))?.[1] ?? OTHER;
}

/** Occupancy in percent as Kineto estimates it: 0 where dynamic shared memory exceeds the static limit. */
function occupancy(warpsPerSm: number, warpsPerBlock: number, { registers, sharedMemory }: KernelResources): number {
  if (sharedMemory > SM.staticShared) return 0;
  const perWarp = Math.ceil((registers * 32) / SM.registerUnit) * SM.registerUnit;
  const blocks = Math.floor(Math.min(SM.warps, SM.registers / perWarp) / warpsPerBlock);
  return Math.round((100 * Math.min(warpsPerSm, blocks * warpsPerBlock)) / SM.warps);
}

/** Category of a kernel's event in the trace. */
export function eventCategory(kernel: KernelDescription): 'kernel' | 'gpu_memcpy' | 'gpu_memset' {
  if (kernel.category.startsWith('memcpy')) return 'gpu_memcpy';
  return kernel.category.startsWith('memset') ? 'gpu_memset' : 'kernel';
}

/** The constant pieces of a kernel's events. */
export interface KernelText {
  /** `{"ph":"X","cat":"kernel","name":…,` */
  readonly head: string;
  /** Whether it is a kernel and not a copy, which has fewer args. */
  readonly isKernel: boolean;
  /** Label, launch shape, resources and occupancy, or what a copy has in their place; begins with a comma. */
  readonly shape: string;
  /** The host call: name and callback id. */
  readonly launch: string;
  readonly cbid: number;
}

/** @returns the constant pieces of the kernel's events on a GPU with so many SMs. */
export function kernelText(kernel: KernelDescription, sms: number): KernelText {
  const category = eventCategory(kernel);
  const head = `{"ph":"X","cat":"${category}","name":${quote(kernel.name)},`;
  if (category !== 'kernel') {
    // The cost model knows a copy's time, not its size.
    const shape = ',"bytes":0,"memory bandwidth (GB/s)":0';
    return category === 'gpu_memcpy'
      ? { head, isKernel: false, shape, launch: 'cudaMemcpyAsync', cbid: 41 }
      : { head, isKernel: false, shape, launch: 'cudaMemsetAsync', cbid: 51 };
  }
  const [gridX, gridY, gridZ] = kernel.grid;
  const [blockX, blockY, blockZ] = kernel.block;
  const resources = resourcesOf(kernel);
  const blocksPerSm = (gridX * gridY * gridZ) / sms;
  const warpsPerBlock = (blockX * blockY * blockZ) / 32;
  const warpsPerSm = blocksPerSm * warpsPerBlock;
  const label = kernel.label === undefined ? '' : `,"label":${quote(kernel.label)}`;
  const shape =
    label +
    `,"registers per thread":${resources.registers},"shared memory":${resources.sharedMemory}` +
    `,"blocks per SM":${float32Text(blocksPerSm)},"warps per SM":${float32Text(warpsPerSm)}` +
    `,"grid":[${gridX},${gridY},${gridZ}],"block":[${blockX},${blockY},${blockZ}]` +
    `,"est. achieved occupancy %":${occupancy(warpsPerSm, Math.max(1, Math.ceil(warpsPerBlock)), resources)}`;
  return { head, isKernel: true, shape, launch: 'cudaLaunchKernelExC', cbid: 430 };
}
