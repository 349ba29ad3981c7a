import { Worker } from 'node:worker_threads';

/** Does something while threads keep the cores busy. */
export async function underCpuLoad<T>(threads: number, action: () => Promise<T>): Promise<T> {
  const busy = Array.from({ length: threads }, () => new Worker('for (;;);', { eval: true }));
  try {
    return await action();
  } finally {
    await Promise.all(busy.map((thread) => thread.terminate()));
  }
}
