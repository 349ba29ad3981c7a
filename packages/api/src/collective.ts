import { runCollective } from '@epemu/experiments';
import type { CollectiveOptions, CollectiveResult } from '@epemu/experiments';

/**
 * Times one dispatch and one combine alone, as `epemu collective` does.
 * @throws BadInputError for sizes that cannot be.
 */
export function collective(options: CollectiveOptions): Promise<CollectiveResult> {
  return runCollective(options);
}
