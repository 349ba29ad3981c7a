import { existsSync } from 'node:fs';
import { BadInputError, EpemuError, EXIT_CODE, messageOf } from '@epemu/core';
import { Piscina } from 'piscina';
import type {
  CheckBackwardTask,
  CheckChainTask,
  CheckForwardTask,
  CheckResult,
  ExpertBackwardTask,
  ExpertForwardTask,
  InitialiseTask,
  TaskKind,
  ResidualBackwardTask,
  ResidualForwardTask,
  RouteTask,
  TaskInputs,
  TaskReply,
  TaskTiming,
} from './tasks.js';

/** Thrown (as a rejection) when a task failed in its thread, or could not be given to one. */
export class ComputeError extends EpemuError {
  /** Which operation failed. */
  readonly operation: TaskKind;

  constructor(operation: TaskKind, message: string, options?: ErrorOptions) {
    super(message, EXIT_CODE.failure, options);
    this.operation = operation;
  }
}

/**
 * Tasks that a thread is given ahead: most take it less time than to be woken for. Few, as they stay with their thread
 * even when another one has nothing to do.
 */
const TASKS_AHEAD = 8;

/** Options of {@link ComputePool}. */
export interface ComputePoolOptions {
  /** Threads, at least 1: this process's share of the host's thread budget. */
  threads: number;
  /** Values per token, a positive multiple of 16. */
  hidden: number;
  /** The built thread entry, for bundles that move it. `kernel.wasm` lies beside it. @default this package's own */
  threadUrl?: URL;
}

/** What a pool has done since it was made, and how it stands now. */
export interface ComputeStatistics {
  /** Threads that run, now; none before the first task. */
  readonly threads: number;
  /** Tasks done. */
  readonly tasks: number;
  /** Time that threads spent on them, ns. */
  readonly busyNs: number;
  /** Tasks that wait for a thread, now. */
  readonly queuedTasks: number;
}

/**
 * The stand-in arithmetic of a process's ranks in piscina threads. Tasks are batches on shared memory: arrays go to
 * the threads by reference, results are written in place, and until a task's promise settles its arrays belong to the
 * thread. Nothing is started before the first task.
 */
export class ComputePool {
  readonly #threads: number;
  readonly #hidden: number;
  readonly #threadUrl: URL;
  #pool: Piscina<unknown, TaskReply> | undefined;
  #closing: Promise<void> | undefined;
  #tasks = 0;
  /** Tasks given to the pool and not done yet. */
  #open = 0;
  #busyNs = 0;
  /** Why the pool closed itself, if it did. */
  #failure: unknown;

  /** @throws BadInputError for a thread count or a width that cannot be. */
  constructor(options: ComputePoolOptions) {
    const { threads, hidden, threadUrl = new URL('./thread-entry.cjs', import.meta.url) } = options;
    if (!Number.isInteger(threads) || threads < 1) {
      throw new BadInputError('threads', `threads is ${threads}; give at least 1 compute thread`);
    }
    if (!Number.isInteger(hidden) || hidden < 16 || hidden % 16 !== 0) {
      throw new BadInputError('payload.hidden', `payload.hidden is ${hidden}; give a positive multiple of 16`);
    }
    this.#threads = threads;
    this.#hidden = hidden;
    this.#threadUrl = threadUrl;
  }

  /** Whether threads have been started. */
  get started(): boolean {
    return this.#pool !== undefined;
  }

  /** Whether the pool was closed, or closed itself because a thread died. */
  get closed(): boolean {
    return this.#closing !== undefined;
  }

  /** A snapshot of the counts. */
  get statistics(): ComputeStatistics {
    const threads = this.closed ? 0 : (this.#pool?.threads.length ?? 0);
    return {
      threads,
      tasks: this.#tasks,
      busyNs: this.#busyNs,
      queuedTasks: Math.max(0, this.#open - threads),
    };
  }

  /** Routes tokens, see `routeTokens`. */
  route(task: RouteTask): Promise<TaskTiming> {
    return this.#timed('route', task);
  }

  /** Applies a rank's experts to the tokens it received. */
  expertForward(task: ExpertForwardTask): Promise<TaskTiming> {
    return this.#timed('expertForward', task);
  }

  /** Gradients of the experts with respect to tokens and router weights. */
  expertBackward(task: ExpertBackwardTask): Promise<TaskTiming> {
    return this.#timed('expertBackward', task);
  }

  /** Attention stand-in, shared expert or dense MLP, with its residual connection. */
  residualForward(task: ResidualForwardTask): Promise<TaskTiming> {
    return this.#timed('residualForward', task);
  }

  /** Gradient of {@link residualForward} with respect to its input. */
  residualBackward(task: ResidualBackwardTask): Promise<TaskTiming> {
    return this.#timed('residualBackward', task);
  }

  /** Fills first activations or loss gradients. */
  initialise(task: InitialiseTask): Promise<TaskTiming> {
    return this.#timed('initialise', task);
  }

  /** Compares what combine returned with the plain reference. */
  checkForward(task: CheckForwardTask): Promise<CheckResult> {
    return this.#checked('checkForward', task);
  }

  /** Compares what the backward combine returned with the plain reference. */
  checkBackward(task: CheckBackwardTask): Promise<CheckResult> {
    return this.#checked('checkBackward', task);
  }

  /** Compares what came out of the last layer (backward: the first) with the plain model. */
  checkChain(task: CheckChainTask): Promise<CheckResult> {
    return this.#checked('checkChain', task);
  }

  /**
   * Ends all threads; tasks not done are rejected, later ones too. Resolves when no thread is left; may be called
   * again, and before anything started.
   */
  close(): Promise<void> {
    this.#closing ??= this.#pool?.destroy() ?? Promise.resolve();
    return this.#closing;
  }

  async #timed<K extends TaskKind>(operation: K, task: TaskInputs[K]): Promise<TaskTiming> {
    return (await this.#run(operation, task)).timing;
  }

  async #checked<K extends TaskKind>(operation: K, task: TaskInputs[K]): Promise<CheckResult> {
    const { numerics, timing } = await this.#run(operation, task);
    if (numerics === undefined) throw new ComputeError(operation, `${operation} returned no result`);
    return { numerics, timing };
  }

  async #run<K extends TaskKind>(operation: K, task: TaskInputs[K]): Promise<TaskReply> {
    if (this.closed) throw this.#closedError(operation);
    requireShared(operation, task);
    this.#pool ??= this.#start(operation);
    this.#open++;
    try {
      const reply = await this.#pool.run({ operation, hidden: this.#hidden, task });
      this.#tasks++;
      this.#busyNs += reply.timing.endNs - reply.timing.startNs;
      return reply;
    } catch (cause) {
      throw this.#taskError(operation, cause);
    } finally {
      this.#open--;
    }
  }

  #start(operation: TaskKind): Piscina<unknown, TaskReply> {
    const kernel = new URL('./kernel.wasm', this.#threadUrl);
    for (const url of [this.#threadUrl, kernel]) {
      if (!existsSync(url)) throw new ComputeError(operation, `${url.pathname} is missing; run "npm run build"`);
    }
    const pool = new Piscina<unknown, TaskReply>({
      filename: this.#threadUrl.href,
      minThreads: this.#threads,
      maxThreads: this.#threads,
      concurrentTasksPerWorker: TASKS_AHEAD,
      maxQueue: Infinity,
      recordTiming: false,
    });
    // A thread that dies while idle is reported as an event. Queued tasks would wait for a thread that never comes.
    pool.on('error', (error: unknown) => {
      this.#failure = error;
      void this.close();
    });
    return pool;
  }

  #taskError(operation: TaskKind, cause: unknown): ComputeError {
    if (this.closed) return this.#closedError(operation);
    return new ComputeError(operation, `${operation} failed in a compute thread: ${messageOf(cause)}`, { cause });
  }

  #closedError(operation: TaskKind): ComputeError {
    const cause = this.#failure;
    if (cause === undefined) return new ComputeError(operation, `${operation} was not done: the pool is closed`);
    return new ComputeError(operation, `${operation} was not done: a compute thread died: ${messageOf(cause)}`, {
      cause,
    });
  }
}

/** An array outside shared memory would be cloned, and the thread's results lost with the clone. */
function requireShared(operation: TaskKind, task: object): void {
  for (const [name, value] of Object.entries(task)) {
    if (ArrayBuffer.isView(value) && !(value.buffer instanceof SharedArrayBuffer)) {
      throw new ComputeError(operation, `${operation}: ${name} is not in shared memory; use the shared… helpers`);
    }
  }
}
