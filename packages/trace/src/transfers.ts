import type { BackgroundTransfer, ProgramFacts, RankView } from '@epemu/timeline';

import { microseconds, quote } from './json.js';
import { operationArgs } from './run.js';

/** @returns the async events of a rank's background transfers, two each; of those that `keeps` is true of. */
export function transferEvents(
  { content }: RankView,
  facts: ProgramFacts,
  track: string,
  firstId: number,
  keeps: (transfer: BackgroundTransfer) => boolean = () => true,
): string {
  let text = '';
  content.transfers.forEach((transfer, index) => {
    if (!keeps(transfer)) return;
    const { phase, operation, startNs, endNs } = transfer;
    const common = `"cat":"network","id":${firstId + 1 + index},"name":${quote(phase)},${track}`;
    text +=
      `,\n{"ph":"b",${common}${microseconds(startNs)},` +
      `"args":{${operationArgs(facts.operation(operation!), false)},"start ns":${startNs},"end ns":${endNs}}}` +
      `,\n{"ph":"e",${common}${microseconds(endNs)}}`;
  });
  return text;
}
