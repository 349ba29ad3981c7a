import type { RankView } from '@epemu/timeline';
import type { InputProblem } from '../model.js';

/** Integer µs of two kernels in a row may overlap by what rounding adds. */
const ROUNDING_NS = 1000;

/**
 * Finds kernels of one stream that overlap in part, which a GPU's stream cannot do: intervals are merged, so that busy
 * times hold, but something is wrong with the trace.
 */
export function overlapProblems(ranks: readonly RankView[]): InputProblem[] {
  return ranks.flatMap((view) => {
    const { rank, file, kernels, streams } = view.content;
    const { startNs: starts, endNs: ends, stream: streamIndices } = kernels;
    const reach = new Float64Array(streams.length).fill(Number.NEGATIVE_INFINITY);
    let count = 0;
    let first = '';
    for (let row = 0; row < kernels.count; row++) {
      const stream = streamIndices[row];
      if (starts[row] < reach[stream] - ROUNDING_NS) {
        count++;
        first ||= `${view.identity(row).name} at ${starts[row] / 1000} µs on ${streams[stream].name}`;
      }
      reach[stream] = Math.max(reach[stream], ends[row]);
    }
    if (count === 0) return [];
    const what = count === 1 ? 'a kernel' : `${count} kernels`;
    const message = `${file}: ${what} of rank ${rank} overlapped by the one before on the same stream, which no GPU does (the first: ${first}); their times are merged`;
    return [{ file, message, partial: false }];
  });
}
