import type { KernelColumns } from '@epemu/timeline';

/** A kernel of a made rank. */
export interface MadeKernel {
  readonly startNs: number;
  readonly endNs: number;
  readonly stream: number;
  /** Index of its identity. */
  readonly kernel: number;
  /** Index of its phase, −1 for none. */
  readonly instance: number;
}

/** @returns kernels as a view has them; nothing tells when they were launched, nor of what operation they are. */
export function kernelColumns(made: readonly MadeKernel[]): KernelColumns {
  const numbers = (of: (kernel: MadeKernel) => number): Int32Array => Int32Array.from(made, of);
  return {
    count: made.length,
    startNs: Float64Array.from(made, ({ startNs }) => startNs),
    endNs: Float64Array.from(made, ({ endNs }) => endNs),
    launchNs: new Float64Array(made.length).fill(Number.NaN),
    stream: numbers(({ stream }) => stream),
    kernel: numbers(({ kernel }) => kernel),
    operation: numbers(() => -1),
    instance: numbers(({ instance }) => instance),
  };
}
