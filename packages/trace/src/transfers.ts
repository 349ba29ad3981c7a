import type { ProgramFacts, RankView } from '@epemu/timeline';

import { microseconds, quote } from './json.js';
import { operationArgs } from './run.js';

/** @returns the async events of a rank's background transfers, two each. */
export function transferEvents({ content }: RankView, facts: ProgramFacts, track: string, firstId: number): string {
  let text = '';
  content.transfers.forEach(({ phase, operation, startNs, endNs }, index) => {
    const common = `"cat":"network","id":${firstId + 1 + index},"name":${quote(phase)},${track}`;
    text +=
      `,\n{"ph":"b",${common}${microseconds(startNs)},` +
      `"args":{${operationArgs(facts.operation(operation!), false)},"start ns":${startNs},"end ns":${endNs}}}` +
      `,\n{"ph":"e",${common}${microseconds(endNs)}}`;
  });
  return text;
}
