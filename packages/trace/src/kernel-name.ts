/** A kernel's name taken apart, so that a trace's long form and a kernel list's short one can be compared. */
export interface KernelName {
  /** Qualified name of the function: `at`, `native`, `elementwise_kernel`; never empty. */
  readonly path: readonly string[];
  /** What the function is a template over, where a list says so: `MulFunctor` of `…elementwise_kernel:MulFunctor`. */
  readonly functor: string | undefined;
  /** All identifiers in it, template arguments included. */
  readonly identifiers: ReadonlySet<string>;
}

/** Names that say nothing without the namespace before them. */
const GENERIC: ReadonlySet<string> = new Set(['GemmKernel', 'transpose', 'dispatch', 'combine', 'kernel', 'Kernel']);
/** Functions that only call the functor that they are a template over. */
const WRAPPERS: ReadonlySet<string> = new Set(['device_kernel', 'Kernel', 'Kernel2']);
/** Emulated traces put this before collectives, for analysers that know only NCCL. */
const NCCL_PREFIX = /^ncclKernel_\w+ (?=\S)/;
/** Products of closed libraries, whose names spell out tile sizes and so differ from shape to shape. */
const LIBRARY_PRODUCT = /^(?:sm\d+_xmma_gemm|nvjet_|cutlass_\d+_|ampere_\w*gemm|hopper_\w*gemm)/;

/** Identifiers of a mangled name (`_ZN2at6native…`): each has its length before it. The path is the first of them. */
function demangled(name: string): { path: string[]; identifiers: string[] } {
  const identifiers: string[] = [];
  let path: string[] | undefined;
  for (let at = 2; at < name.length;) {
    const length = /^\d+/.exec(name.slice(at, at + 4))?.[0];
    if (length === undefined) {
      // Past `N`, which opens a qualified name; anything else closes the first one.
      if (identifiers.length > 0) path ??= [...identifiers];
      at++;
      continue;
    }
    at += length.length;
    identifiers.push(name.slice(at, at + Number(length)));
    at += Number(length);
  }
  return { path: path ?? identifiers, identifiers };
}

/** Text outside template arguments and parameter lists, and the first template argument. */
function unwrapped(text: string): { outside: string; argument: string } {
  let [angle, round] = [0, 0];
  let outside = '';
  let argument = '';
  let inFirst = true;
  for (const character of text) {
    if (angle === 1 && round === 0 && (character === ',' || character === '>')) inFirst = false;
    if (angle > 0 && inFirst) argument += character;
    if (character === '(') round++;
    else if (character === ')') round--;
    else if (character === '<' && round === 0) angle++;
    else if (character === '>' && round === 0 && angle > 0) angle--;
    else if (angle === 0 && round === 0) outside += character;
  }
  return { outside: outside.trim(), argument };
}

function components(text: string): string[] {
  return text.split('::').filter((part) => part !== '');
}

/** Takes a kernel's name apart: one of a trace, mangled or not, or one of a kernel list. */
export function parseKernelName(raw: string): KernelName {
  const name = raw.replace(NCCL_PREFIX, '');
  if (name.startsWith('_Z')) {
    const { path, identifiers } = demangled(name);
    if (path.length > 0) return { path, functor: undefined, identifiers: new Set(identifiers) };
  }
  const identifiers = new Set(name.match(/\w+/g) ?? []);
  const { outside, argument } = unwrapped(name);
  // What stands before the last space is the type that the function returns.
  const qualified = outside.slice(outside.lastIndexOf(' ') + 1);
  const [, function_, functor] = /^(.*?[^:])(?::([^:].*))?$/.exec(qualified) ?? [];
  const path = components(function_ ?? name);
  if (WRAPPERS.has(path.at(-1) ?? '') && argument !== '') return { ...parseKernelName(argument), identifiers };
  return { path: path.length === 0 ? [name] : path, functor, identifiers };
}

/** @returns the function's name, with the namespace before it where it says nothing without. */
export function functionName({ path }: KernelName): string {
  return path.slice(GENERIC.has(path.at(-1) ?? '') ? -2 : -1).join('::');
}

/** @returns whether two names are of the same function, whatever it is a template over. */
export function sameFunction(a: KernelName, b: KernelName): boolean {
  const last = a.path.at(-1);
  if (last !== b.path.at(-1)) return false;
  const [before, otherBefore] = [a.path.at(-2), b.path.at(-2)];
  return !GENERIC.has(last ?? '') || before === undefined || otherBefore === undefined || before === otherBefore;
}

/** @returns whether a traced kernel is one that a kernel list names. */
export function isNamed(traced: KernelName, listed: KernelName): boolean {
  if (!sameFunction(traced, listed)) return false;
  const { functor } = listed;
  if (functor === undefined) return true;
  return [...traced.identifiers].some((name) => name === functor || name.startsWith(`${functor}_`));
}

/** @returns whether it is a matrix product of a closed library. */
export function isLibraryProduct({ path }: KernelName): boolean {
  return LIBRARY_PRODUCT.test(path.at(-1) ?? '');
}

/** Takes each name apart once, and compares each pair of them once: a phase's kernels come again in every layer. */
export class KernelNames {
  readonly #parsed = new Map<string, KernelName>();
  readonly #named = new Map<KernelName, Map<KernelName, boolean>>();

  of(name: string): KernelName {
    let parsed = this.#parsed.get(name);
    if (parsed === undefined) {
      parsed = parseKernelName(name);
      this.#parsed.set(name, parsed);
    }
    return parsed;
  }

  /** {@link isNamed}, remembered. */
  isNamed(traced: KernelName, listed: KernelName): boolean {
    let row = this.#named.get(traced);
    if (row === undefined) {
      row = new Map();
      this.#named.set(traced, row);
    }
    let named = row.get(listed);
    if (named === undefined) {
      named = isNamed(traced, listed);
      row.set(listed, named);
    }
    return named;
  }
}
