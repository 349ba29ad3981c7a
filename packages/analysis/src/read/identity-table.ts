import type { KernelIdentity } from '@epemu/timeline';
import { withHalf } from '../halves/half-name.js';
import type { KernelRoles } from '../kernel-role.js';
import type { NameTable } from './collector.js';
import type { ListedKernel } from './file-metadata.js';

/** What the kernels of all files are; each once. */
export class IdentityTable {
  readonly list: KernelIdentity[] = [];
  readonly #names: NameTable;
  readonly #roles: KernelRoles;
  readonly #byName = new Map<number, number>();
  readonly #byListed = new Map<ListedKernel, Map<number, number>>();
  readonly #byKey = new Map<string, number>();

  constructor(names: NameTable, roles: KernelRoles) {
    this.#names = names;
    this.#roles = roles;
  }

  #index(identity: KernelIdentity): number {
    const key = JSON.stringify(identity);
    let index = this.#byKey.get(key);
    if (index === undefined) this.#byKey.set(key, (index = this.list.push(identity) - 1));
    return index;
  }

  /** @returns the index of what a captured kernel's name tells. @param name its index. */
  ofName(name: number): number {
    let index = this.#byName.get(name);
    if (index === undefined) {
      const text = this.#names.names[name];
      index = this.#index({ name: text, label: undefined, ctas: undefined, ...this.#roles.of(text) });
      this.#byName.set(name, index);
    }
    return index;
  }

  /** @returns a kernel's name, with its half where the name is that of either. */
  #told(name: string, { collective }: ListedKernel): string {
    const half = collective?.role;
    if (half !== 'send' && half !== 'receive') return name;
    return this.#roles.of(name).collective?.role === 'transfer' ? withHalf(name, half) : name;
  }

  /** @returns the index of what a file says of a kernel. @param name the index of the name that its event has. */
  ofListed(listed: ListedKernel, name: number): number {
    let names = this.#byListed.get(listed);
    if (names === undefined) this.#byListed.set(listed, (names = new Map<number, number>()));
    let index = names.get(name);
    if (index === undefined) {
      const text = this.#names.names[name];
      index = this.#index({ name: this.#told(text, listed), library: '', ...listed, ...this.#roles.own(text) });
      names.set(name, index);
    }
    return index;
  }
}
