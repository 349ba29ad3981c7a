import { KernelCatalogue } from '@epemu/kernels';
import type { KernelEntry, KernelLists, PhaseKernel, RunShape } from '@epemu/kernels';
import type { HardwarePreset } from '@epemu/presets';
import { parseKernelName } from '@epemu/trace';
import type { KernelName } from '@epemu/trace';

/** A kernel of a kernel list, once for each of its instances. */
export interface ListedKernel {
  readonly list: string;
  readonly entry: KernelEntry;
  readonly name: KernelName;
  readonly kernel: PhaseKernel;
  /** Whether the list is a collective's; its compute kernels then run on the communication stream. */
  readonly inCollective: boolean;
}

/** Kernel lists by name, unrolled for a model. */
export class ListedKernels {
  /** Sizes of the run that do not follow from the trace's kernels. */
  readonly sizes: Readonly<Record<string, number>>;
  readonly #lists = new Map<string, readonly ListedKernel[]>();
  readonly #candidates = new Map<string, (readonly ListedKernel[])[]>();

  constructor(hardware: HardwarePreset, lists: KernelLists, shape: RunShape) {
    // A list of its own for every entry ties what the catalogue makes of it to the entry's expressions; what it waits
    // for stands in another then.
    const single = Object.entries(lists).flatMap(([list, entries]) =>
      entries.map((entry, index): [string, KernelEntry[]] => [`${list} ${index}`, [{ ...entry, after: undefined }]]),
    );
    const catalogue = new KernelCatalogue(hardware, Object.fromEntries(single), shape);
    this.sizes = catalogue.sizes;
    for (const [list, entries] of Object.entries(lists)) {
      const inCollective = entries.some(({ role }) => role !== undefined);
      const listed = entries.flatMap((entry, index) =>
        catalogue.kernels(`${list} ${index}`).map((kernel) => {
          return { list, entry, name: parseKernelName(entry.name), kernel, inCollective };
        }),
      );
      this.#lists.set(list, listed);
    }
  }

  /** @returns all kernels of all lists. */
  *all(): Generator<ListedKernel, void, undefined> {
    for (const listed of this.#lists.values()) yield* listed;
  }

  /**
   * @returns the lists that a phase of this name may run: the one of its name without the micro-batch, and those that
   * have `dense-`, `prefill-` or `decode-` before it.
   */
  candidates(phase: string): readonly (readonly ListedKernel[])[] {
    let found = this.#candidates.get(phase);
    if (found === undefined) {
      found = this.#find(phase);
      this.#candidates.set(phase, found);
    }
    return found;
  }

  #find(phase: string): (readonly ListedKernel[])[] {
    const bare = phase.replace(/\(\d+\)$/, '').toLowerCase();
    const names = [...this.#lists.keys()].filter((name) => {
      const list = name.toLowerCase();
      return list === bare || list.replace(/^(?:(?:dense|prefill|decode|cached)-)+/, '') === bare;
    });
    return names.map((name) => this.#lists.get(name)!).filter((listed) => listed.length > 0);
  }
}
