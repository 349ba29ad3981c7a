import { validate } from '@epemu/experiments';
import type { Validation } from '@epemu/experiments';

let shared: Promise<Validation> | undefined;

/** @returns the validation of this build: the same one for all who ask in this process, for it takes a minute. */
export function sharedValidation(): Promise<Validation> {
  shared ??= validate();
  return shared;
}
