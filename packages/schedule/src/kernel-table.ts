import type { PhaseKernel } from '@epemu/presets';
import type { KernelDescription, OperationKernel } from './program.js';

/** Lists each distinct kernel of a program once, in order of first use. */
export class KernelTable {
  readonly kernels: KernelDescription[] = [];
  readonly #index = new Map<string, number>();

  /** @returns how an operation refers to a kernel of the preset. */
  use(kernel: PhaseKernel): OperationKernel {
    const description: KernelDescription = {
      name: kernel.name,
      class: kernel.class,
      category: kernel.category,
      grid: kernel.grid,
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
      cost: kernel.cost,
      ...(kernel.stream === undefined ? {} : { stream: kernel.stream }),
      ...(kernel.after === undefined ? {} : { after: kernel.after }),
      ...(kernel.role === undefined ? {} : { role: kernel.role }),
    };
  }
}
