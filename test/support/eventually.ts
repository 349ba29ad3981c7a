import { setTimeout as delay } from 'node:timers/promises';

/** Between two tries, so that asking takes no core from those who are asked about. */
const POLL_MS = 200;

/** Tries again and again until nothing is thrown. @throws what the last try did, when it began after the deadline. */
export async function eventually(milliseconds: number, check: () => Promise<void>): Promise<void> {
  const deadline = performance.now() + milliseconds;
  for (;;) {
    const late = performance.now() > deadline;
    try {
      await check();
      return;
    } catch (error) {
      if (late) throw error;
    }
    await delay(POLL_MS);
  }
}
