import type { Operation } from '@epemu/schedule';
import type { RankTimeline } from '@epemu/timeline';

import { microseconds, quote } from './json.js';
import { operationArgs, transferName } from './run.js';

/** @returns the async events of a rank's background transfers, two each. */
export function windowEvents(
  timeline: RankTimeline,
  operations: ReadonlyMap<number, Operation>,
  track: string,
  firstId: number,
): string {
  const { windows } = timeline;
  const ids = windows.column('operation');
  const starts = windows.column('startNs');
  const ends = windows.column('endNs');
  let text = '';
  for (let row = 0; row < windows.count; row++) {
    const operation = operations.get(ids[row])!;
    const common = `"cat":"network","id":${firstId + 1 + row},"name":${quote(transferName(operation.phase))},${track}`;
    text +=
      `,\n{"ph":"b",${common}${microseconds(starts[row])},` +
      `"args":{${operationArgs(operation, false)},"start ns":${starts[row]},"end ns":${ends[row]}}}` +
      `,\n{"ph":"e",${common}${microseconds(ends[row])}}`;
  }
  return text;
}
