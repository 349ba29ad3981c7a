import { parseKernelName } from '@epemu/trace';

/** What only a function's whole declaration has: arguments, namespaces, a type before it, or mangled names. */
const IS_KERNEL = /::|<|^_Z|^void /;

/**
 * @returns what is written in a slice, where there is room for a word: the function's own name, without the type that
 * it returns, namespaces and template arguments. Names of phases stay as they are.
 */
export function sliceLabel(name: string): string {
  return IS_KERNEL.test(name) ? (parseKernelName(name).path.at(-1) ?? name) : name;
}
