import { EXIT_CODE, EpemuError } from '@epemu/core';

/** Why a run was told to stop. */
export class InterruptedError extends EpemuError {}

/**
 * Turns Ctrl-C and SIGTERM into an abort signal, once; the second one ends the process at once (its workers die with
 * it).
 */
export function abortOnSignals(): AbortController {
  const controller = new AbortController();
  const codes = { SIGINT: EXIT_CODE.interrupted, SIGTERM: EXIT_CODE.terminated } as const;
  for (const [signal, code] of Object.entries(codes)) {
    process.on(signal, () => {
      if (controller.signal.aborted) process.exit(code);
      controller.abort(new InterruptedError(`ended by ${signal}`, code));
    });
  }
  return controller;
}
