import { Worker } from 'node:worker_threads';
import type { Configuration } from '@epemu/config';
import { EpemuError, messageOf } from '@epemu/core';
import { routerKey } from '@epemu/rank';
import type { PointFigures } from './point.js';
import type { PointReply, PointTask } from './point-thread.js';

/** Starts `point-thread.ts`, which the build bundles and compiles. */
const THREAD_ENTRY = new URL('./point-thread.start.cjs', import.meta.url);
/** Ranks come and go by the ten thousand objects: a large young generation saves a third of the time. */
const YOUNG_MEGABYTES = 64;

/** What became of a configuration. */
export type PointOutcome = { readonly figures: PointFigures } | { readonly error: string };

interface Waiting {
  readonly configuration: Configuration;
  readonly router: string;
  readonly settle: (outcome: PointOutcome) => void;
}

interface Thread {
  readonly worker: Worker;
  /** What it is at; undefined of one that is free. */
  task: Waiting | undefined;
  /** The routing that it knows best. */
  router: string | undefined;
}

/**
 * Emulates configurations in threads of this process, one a core. A thread keeps what its points have in common, and is
 * given those that route alike.
 */
export class PointPool {
  readonly #most: number;
  readonly #threads: Thread[] = [];
  readonly #waiting: Waiting[] = [];
  #tasks = 0;
  #closed = false;

  /** @param threads at most so many; they start as they are needed. */
  constructor(threads: number) {
    this.#most = threads;
  }

  /** @returns what became of a configuration: never rejects but by {@link close}. */
  emulate(configuration: Configuration): Promise<PointOutcome> {
    return new Promise((resolve) => {
      this.#waiting.push({ configuration, router: routerKey(configuration), settle: resolve });
      this.#next();
    });
  }

  /** Ends all threads; what was not done comes to nothing. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#waiting.length = 0;
    await Promise.all(this.#threads.map(({ worker }) => worker.terminate()));
  }

  /** Gives free threads what waits. */
  #next(): void {
    if (this.#closed) return;
    while (this.#waiting.length > 0) {
      const thread = this.#threads.find(({ task }) => task === undefined) ?? this.#start();
      if (thread === undefined) return;
      const task = this.#choose(thread);
      thread.task = task;
      thread.router = task.router;
      const message: PointTask = { id: this.#tasks++, configuration: task.configuration };
      thread.worker.postMessage(message);
    }
  }

  /** The first that routes as the thread's last did; else as no other thread's does; else the first. */
  #choose(thread: Thread): Waiting {
    const others = new Set(this.#threads.filter((other) => other !== thread).map(({ router }) => router));
    let index = this.#waiting.findIndex(({ router }) => router === thread.router);
    if (index < 0) index = this.#waiting.findIndex(({ router }) => !others.has(router));
    return this.#waiting.splice(Math.max(0, index), 1)[0];
  }

  #start(): Thread | undefined {
    if (this.#threads.length >= this.#most) return undefined;
    const worker = new Worker(THREAD_ENTRY, { resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MEGABYTES } });
    const thread: Thread = { worker, task: undefined, router: undefined };
    this.#threads.push(thread);
    const settle = (outcome: PointOutcome): void => {
      const { task } = thread;
      thread.task = undefined;
      task?.settle(outcome);
      this.#next();
    };
    worker.on('message', (reply: PointReply) => {
      settle('figures' in reply ? { figures: reply.figures } : { error: reply.error });
    });
    const lost = (error: unknown): void => {
      const place = this.#threads.indexOf(thread);
      if (place < 0 || this.#closed) return;
      this.#threads.splice(place, 1);
      settle({ error: messageOf(error) });
    };
    worker.once('error', lost);
    worker.once('exit', (code) => {
      lost(new EpemuError(`the thread that emulated it ended with code ${code}; use fewer --jobs`));
    });
    return thread;
  }
}
