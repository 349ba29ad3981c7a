import { EXIT_CODE, EpemuError } from '@epemu/core';

const CODES = { SIGINT: EXIT_CODE.interrupted, SIGTERM: EXIT_CODE.terminated } as const;

/** Why a run was told to stop. */
export class InterruptedError extends EpemuError {}

/**
 * Turns Ctrl-C and SIGTERM into an abort signal, once; the second one ends the process at once (its workers die with
 * it).
 */
export function abortOnSignals(): AbortController {
  const controller = new AbortController();
  for (const [signal, code] of Object.entries(CODES)) {
    process.on(signal, () => {
      if (controller.signal.aborted) process.exit(code);
      controller.abort(new InterruptedError(`ended by ${signal}`, code));
    });
  }
  return controller;
}

/** Ends the process at Ctrl-C and SIGTERM: as the first process of a container it would heed neither by itself. */
export function exitOnSignals(): void {
  for (const [signal, code] of Object.entries(CODES)) process.on(signal, () => process.exit(code));
}
