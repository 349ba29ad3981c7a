import type { RankContent } from '@epemu/timeline';
import { isTold, ROUNDING_NS } from './gates.js';

/** So long after what it waited for a kernel begins: an event between streams takes some µs. */
const WAKE_NS = 20_000;

/** What has ended last so far, and what of another stream. */
interface Latest {
  row: number;
  ofOther: number;
}

/**
 * Finds what kernels that no annotation tells of waited for: one that stood still, though its launch had come, and began
 * just after the end of a kernel of another stream, waited for that. Annotations may cover part of a trace (PyTorch's own
 * do), and take nothing away from what is found without them.
 *
 * @returns by row the row that it waited for, −1 for none, and for what calls in the trace tell of.
 */
export function wakersOf({ kernels, inferred, waits }: RankContent): Int32Array {
  const { count, startNs: starts, endNs: ends, launchNs, stream, instance } = kernels;
  const byEnd = Uint32Array.from({ length: count }, (_, row) => row).sort((a, b) => ends[a] - ends[b] || a - b);
  const wakers = new Int32Array(count).fill(-1);
  const lastOnStream = new Map<number, number>();
  const latest: Latest = { row: -1, ofOther: -1 };
  let next = 0;
  for (let row = 0; row < count; row++) {
    while (next < count && ends[byEnd[next]] <= starts[row] + ROUNDING_NS) {
      const ended = byEnd[next++];
      if (latest.row >= 0 && stream[latest.row] !== stream[ended]) latest.ofOther = latest.row;
      latest.row = ended;
    }
    const before = lastOnStream.get(stream[row]) ?? -1;
    lastOnStream.set(stream[row], row);
    if (latest.row < 0 || isTold(waits, row)) continue;
    const waker = stream[latest.row] === stream[row] ? latest.ofOther : latest.row;
    if (waker < 0 || starts[row] - ends[waker] > WAKE_NS) continue;
    // Annotated phases tell their gates themselves, each time that they run.
    if (!inferred && instance[row] >= 0 && instance[waker] >= 0) continue;
    // What ended later on its own stream, or the call that launched it, came last.
    if (before >= 0 && ends[before] >= ends[waker]) continue;
    if (launchNs[row] > ends[waker]) continue;
    wakers[row] = waker;
  }
  return wakers;
}
