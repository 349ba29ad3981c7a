import type { PhaseKernel } from '@epemu/kernels';
import type { KernelDescription, OperationKernel } from './program.js';

/** Lists each distinct kernel of a program once, in order of first use. */
export class KernelTable {
  readonly kernels: KernelDescription[] = [];
  readonly #index = new Map<string, number>();

  /**
   * @param grid launch dimensions of the kernel where it is used.
   * @returns how an operation refers to a kernel of a phase.
   */
  use(kernel: PhaseKernel, grid: KernelDescription['grid']): OperationKernel {
    const description: KernelDescription = {
      name: kernel.name,
      ...(kernel.label === undefined ? {} : { label: kernel.label }),
      class: kernel.class,
      category: kernel.category,
      grid,
      block: kernel.block,
    };
    const key = JSON.stringify(description);
    let index = this.#index.get(key);
    if (index === undefined) {
      index = this.kernels.push(description) - 1;
      this.#index.set(key, index);
    }
    return {
      kernel: index,
      ...(kernel.stream === undefined ? {} : { stream: kernel.stream }),
      ...(kernel.after === undefined ? {} : { after: kernel.after }),
      ...(kernel.role === undefined ? {} : { role: kernel.role }),
    };
  }
}
