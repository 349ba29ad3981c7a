import type { TokenAction } from '@epemu/kernels';

/** Which arithmetic and bytes a collective carries: forward activations, or gradients on their way back. */
export type Direction = 'forward' | 'backward';

/** What a kernel does: computation, or communication, which is timed by its own rules. */
export type KernelClass = 'compute' | 'communication';

/** A kernel as it stands in traces; a program lists each once and events refer to it by index. */
export interface KernelDescription {
  /** As a profiler would print it, `fp8_gemm …` or `ncclKernel_AllToAllv deep_ep::internode::dispatch`. */
  readonly name: string;
  readonly class: KernelClass;
  /** Which of several kernels of that name it is: `q_a`, `shared w13`. */
  readonly label?: string;
  /** Kind of kernel, for grouping: `gemm fp8 (dense)`, `attention forward`, `notify`, … */
  readonly category: string;
  readonly grid: readonly [number, number, number];
  readonly block: readonly [number, number, number];
}

/** The collective that an operation runs, or (for a wait) ends. */
export interface CollectiveUse {
  /**
   * `dispatch` sends tokens to experts (to the other nodes, then inside them); `combine` brings results back, the other
   * way round. The backward of a combine is of type `dispatch` and the backward of a dispatch of type `combine`.
   */
  readonly type: 'dispatch' | 'combine' | 'send' | 'receive';
  readonly mode: 'normal' | 'low-latency' | 'pipeline';
  /** Reuses the layout of an earlier dispatch of the same micro-batch and layer. */
  readonly cached: boolean;
  readonly direction: Direction;
  /** Key of the transfer in the hardware preset: `dispatch`, `cachedDispatch`, `combine`, `lowLatencyDispatch`, … */
  readonly rateKind: string;
  /** The link of each hop: index into {@link Program.links}. Hops are numbered from 1. */
  readonly hops: readonly number[];
  /** Share of its time that its transfer would still take with links to other nodes twice as fast, by the hardware's law. */
  readonly shareWithFasterNics?: number;
}

/** One kernel of an operation, in stream order. */
export interface OperationKernel {
  /** Index into {@link Program.kernels}. */
  readonly kernel: number;
  /** Stream, where it is not the operation's own. */
  readonly stream?: number;
  /**
   * Index, within the operation, of the kernel whose end it waits for beside the one before it on its own stream: where
   * a second stream forks off, or joins this one again.
   */
  readonly after?: number;
  /** What the kernel does beyond taking time: the synchronisation or the transfer of a collective. */
  readonly role?: 'notify' | 'transfer';
}

/** An item of a rank's program: one phase of one layer, launched as a whole. */
export interface Operation {
  /** Index in {@link Program.operations}: launch order within a role. */
  readonly id: number;
  /** Index in {@link Program.roles}. */
  readonly role: number;
  /** `mlp(F)`, `DISPATCH(0)`, `issue COMBINE(1)`, … */
  readonly phase: string;
  readonly kind: 'compute' | 'collective' | 'issue' | 'wait';
  readonly stream: number;
  /** Row of the schedule that launches it; negative in a warm-up cell. */
  readonly row: number;
  /** Model layer it works on, counted within the run; −1 and `layers` are warm-up layers of training. */
  readonly layer: number;
  readonly dense: boolean;
  /** Counted over all steps: micro-batch m of step s is number s × micro-batches of a step + m. */
  readonly microBatch: number;
  readonly step: number;
  readonly direction: Direction;
  /** What it does to the micro-batch's tokens beside what its collective does. */
  readonly tokens: readonly TokenAction[];
  /** For a send or receive: index of the role at the other end, whose n-th rank is the n-th rank's peer. */
  readonly peerRole?: number;
  /** For what communicates: index into {@link Program.exchanges}. */
  readonly exchange?: number;
  /** Whether its events enter the timeline; false in the warm-up cell. */
  readonly recorded: boolean;
  /** Ids of operations that must have ended before this one starts, ascending. */
  readonly gates: readonly number[];
  /**
   * Ids, ascending, of what may run beside it; see residence.ts. For a collective: compute operations whose load its segments
   * meet. For a compute operation: collectives whose kernels hold SMs beside it, so that it is timed again.
   */
  readonly beside: readonly number[];
  /** Name of the list that its kernels are of, see the configuration's `kernels`. */
  readonly list: string;
  readonly kernels: readonly OperationKernel[];
  readonly collective?: CollectiveUse;
  /** For a wait: the id of the issue whose transfer it waits for. */
  readonly issue?: number;
  /** For an issue and its wait: the name of the background transfer between them, `DISPATCH(0)`. */
  readonly transfer?: string;
}

/**
 * What the ranks of a group exchange about one micro-batch and layer: its tokens' way to the experts and back, and that of
 * their gradients; or the output of a role's last layer. Its number stands for it in messages, so that roles need not launch
 * the same operations.
 */
export interface Exchange {
  readonly group: string;
  /** Of a send: the layer that sends. */
  readonly layer: number;
  readonly microBatch: number;
  readonly mode: CollectiveUse['mode'];
  /** Place of the micro-batch in its pass: exchanges of one place follow each other, those of several run side by side. */
  readonly place: number;
}

/** A micro-batch whose forward ran before virtual time 0, through the same collectives; the program has its backward. */
export interface EarlierForward {
  readonly role: number;
  readonly microBatch: number;
  /** Ascending. */
  readonly layers: readonly { readonly layer: number; readonly dense: boolean; readonly exchange?: number }[];
}

/** A kind of rank, and what the program has for it. */
export interface RoleProgram {
  readonly name: string;
  /** Ascending. */
  readonly ranks: readonly number[];
  /** Name of the group in which it dispatches and combines, and the ranks of it, ascending. */
  readonly group: string;
  readonly groupRanks: readonly number[];
  /** Whether its ranks have tokens of their own: they attend. */
  readonly attends: boolean;
  /** Its operations have consecutive ids: the first, and how many there are. */
  readonly firstOperation: number;
  readonly operationCount: number;
}

/** A link that ranks have an out-port and an in-port of. */
export interface ProgramLink {
  /** Key in the hardware preset's `ports`. */
  readonly name: string;
  /** Whether it leads to the GPUs of the own node alone, or to all. */
  readonly reach: 'node' | 'cluster';
}

/** A compute operation and a collective beside it by which it is not timed again: it cannot wait for that one's end. By id. */
export interface UntimedPair {
  readonly compute: number;
  readonly collective: number;
}

/** What the ranks do, fixed before the run. */
export interface Program {
  /** `eager`: operations are launched one by one by a CPU; `graph`: all at once. */
  readonly launch: 'eager' | 'graph';
  readonly kernels: readonly KernelDescription[];
  readonly operations: readonly Operation[];
  /** In order of the hardware preset. */
  readonly links: readonly ProgramLink[];
  readonly exchanges: readonly Exchange[];
  readonly roles: readonly RoleProgram[];
  /** Operations that may run beside each other and are not timed again for it; see graph.ts. */
  readonly untimed: readonly UntimedPair[];
  /** By role: from which role its tokens come forward, and to which they go, by the operation's type. */
  readonly neighbours: readonly { readonly receive?: number; readonly send?: number }[];
  readonly earlier: readonly EarlierForward[];
  /** Stream ids and what runs on them, ascending by id. */
  readonly streams: readonly { readonly id: number; readonly name: string }[];
  /** The compute phase whose starts bound a layer: attn(F), ATTN(1), issue DISPATCH(0). */
  readonly layerMarker: string;
}

/** @returns what a rank does: the program with its role's operations alone, whose ids stay as they are. */
export function programOf(program: Program, rank: number): Program {
  if (program.roles.length === 1) return program;
  const index = program.roles.findIndex(({ ranks }) => ranks.includes(rank));
  const { firstOperation, operationCount } = program.roles[index];
  return {
    ...program,
    operations: program.operations.slice(firstOperation, firstOperation + operationCount),
    earlier: program.earlier.filter(({ role }) => role === index),
  };
}

/** @returns an operation's place among those of its role, in launch order. */
export function placeInRole({ roles, operations }: Program, id: number): number {
  return id - roles[operations[id].role].firstOperation;
}

/** @returns the share of a rank's operations that it has come to when it is in this one, 0 to 1; 0 before the first. */
export function shareOf(program: Program, id: number): number {
  if (id < 0) return 0;
  return (placeInRole(program, id) + 1) / program.roles[program.operations[id].role].operationCount;
}

/** @returns how many operation ids there are up to the last of a program: tables by id are as long. */
export function idLimit({ operations }: Program): number {
  return (operations.at(-1)?.id ?? -1) + 1;
}

/** @returns the program's operations by id. */
export function operationsById(program: Program): ReadonlyMap<number, Operation> {
  return new Map(program.operations.map((operation) => [operation.id, operation]));
}

/**
 * @returns how a kernel counts in overlap figures, as HTA has it: copies and fills are neither computation nor
 * communication, though they run on the schedule's SMs like computation.
 */
export function kernelClass({ class: type, category }: KernelDescription): KernelClass | 'memory' {
  return type === 'compute' && /^(?:memcpy|memset)/.test(category) ? 'memory' : type;
}

/**
 * @returns the name of the background transfer that a phase issues: that of the phase without the word `issue` before
 * it, as `issue DISPATCH(0)` sends `DISPATCH(0)`.
 */
export function transferName(issue: string): string {
  return issue.startsWith('issue ') ? issue.slice('issue '.length) : `${issue} transfer`;
}

/**
 * @returns whether the CPU that launches the program stops at an operation until its notify has ended: it polls the
 * counts that size an uncached dispatch.
 */
export function blocksHost(program: Pick<Program, 'launch'>, operation: Operation): boolean {
  const { kind, collective, kernels } = operation;
  if (program.launch === 'graph' || kind !== 'collective' || collective?.cached !== false) return false;
  return kernels.some(({ role }) => role === 'notify');
}
