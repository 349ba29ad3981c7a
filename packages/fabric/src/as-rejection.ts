import { InvariantError } from '@epemu/core';

/** @returns what `send` returns; a rejection of what it throws. Unlike an async function it makes no promise of its own. */
export function asRejection(send: () => Promise<void>): Promise<void> {
  try {
    return send();
  } catch (error) {
    return Promise.reject(error instanceof Error ? error : new InvariantError(String(error)));
  }
}
