import { kernelClass, linksByReach, operationsById } from '@epemu/schedule';
import type { KernelDescription, Operation, OperationKernel, Program } from '@epemu/schedule';
import type { CollectiveUse, KernelIdentity } from './kernel-identity.js';
import type { RankStream } from './rank-view.js';

/** @returns what a communication kernel of an operation does within its collective. */
function collectiveUse(
  { links }: Program,
  { kind, collective }: Operation,
  { role }: OperationKernel,
  isOneNode: boolean,
): CollectiveUse {
  const halves = { issue: 'send', wait: 'receive' } as const;
  const moves = kind === 'issue' || kind === 'wait' ? halves[kind] : 'transfer';
  const own = role === 'notify' ? 'notify' : role === 'transfer' ? moves : 'layout';
  // A communication kernel of a phase that computes belongs to none.
  if (collective === undefined) return { type: 'other', role: own, link: undefined };
  const { mode, type, shareWithFasterNics } = collective;
  const movesBytes = own === 'transfer' || own === 'receive';
  // On one node the hop inside it carries all, where there is one.
  const staysInside = isOneNode && mode !== 'pipeline' && links[linksByReach(collective).inside].reach === 'node';
  return {
    type: mode === 'pipeline' ? 'send-receive' : type === 'combine' ? 'combine' : 'dispatch',
    role: own,
    link: staysInside ? 'nvlink' : 'rdma',
    ...(movesBytes && shareWithFasterNics !== undefined ? { shareWithFasterNics } : {}),
  };
}

/** What a program says of its kernels, and of the streams that they run on: nothing of it is told by names. */
export class ProgramFacts {
  readonly program: Program;
  /** In launch order of first use. */
  readonly identities: readonly KernelIdentity[];
  /** By identity: the kernel as the program has it. */
  readonly descriptions: readonly KernelDescription[];
  /** Ascending by id. */
  readonly streams: readonly RankStream[];
  readonly #operations: ReadonlyMap<number, Operation>;
  /** By operation id, then by index of the program's kernels: index of the identity. */
  readonly #identityOf = new Map<number, ReadonlyMap<number, number>>();

  /** @param nodes that the ranks are on: on one, a link inside it carries all where the collective uses one. */
  constructor(program: Program, nodes: number) {
    this.program = program;
    this.#operations = operationsById(program);
    const identities: KernelIdentity[] = [];
    const descriptions: KernelDescription[] = [];
    const known = new Map<string, number>();
    for (const operation of program.operations) {
      const own = new Map<number, number>();
      for (const use of operation.kernels) {
        const identity = identityOf(program, operation, use, nodes === 1);
        const key = JSON.stringify([identity, use.kernel]);
        let index = known.get(key);
        if (index === undefined) {
          known.set(key, (index = identities.push(identity) - 1));
          descriptions.push(program.kernels[use.kernel]);
        }
        if (!own.has(use.kernel)) own.set(use.kernel, index);
      }
      this.#identityOf.set(operation.id, own);
    }
    this.identities = identities;
    this.descriptions = descriptions;
    this.streams = program.streams.map(({ id }) => {
      const kinds = program.operations.filter(({ stream }) => stream === id).map(({ kind }) => kind);
      const isForCollectives = kinds.includes('collective') && !kinds.includes('compute');
      return { id: String(id), name: `stream ${id}`, role: isForCollectives ? 'communication' : 'computation' };
    });
  }

  /** The operation of that id, which is one of the program's. */
  operation(id: number): Operation {
    return this.#operations.get(id)!;
  }

  /** @returns the index of the identity that a kernel of the program has within an operation. */
  identity(operation: number, kernel: number): number {
    return this.#identityOf.get(operation)!.get(kernel)!;
  }
}

function identityOf(program: Program, operation: Operation, use: OperationKernel, isOneNode: boolean): KernelIdentity {
  const description = program.kernels[use.kernel];
  const { name, label, category, grid } = description;
  const ofKernel = kernelClass(description);
  return {
    name,
    label,
    class: ofKernel,
    library: '',
    category,
    collective: ofKernel === 'communication' ? collectiveUse(program, operation, use, isOneNode) : undefined,
    ctas: grid[0] * grid[1] * grid[2],
  };
}
