import type { HardwarePreset } from '@epemu/presets';
import type { BesideCompute } from './place-by-phase.js';
import { gridProduct } from './traced-kernel.js';
import type { TracedKernel } from './traced-kernel.js';
import { streamOf } from './traced-run.js';
import type { TracedRun } from './traced-run.js';
import { mostFrequent } from './work-sizes.js';

type Points = HardwarePreset['memoryShare'];

/** What a memory-bound kernel reaches on the SMs that compute leaves it. */
export interface MeasuredShare {
  readonly sms: number;
  /** Of its kind's full rate. */
  readonly share: number;
  readonly count: number;
}

/** A kernel counts where persistent kernels run beside it for at least this part of its time. */
const LEAST_OVERLAP = 0.8;

/** SMs that the persistent kernel which overlaps most leaves; undefined where none holds its SMs for long enough. */
function smsLeft(
  run: TracedRun,
  { pid, startUs, durationUs }: TracedKernel,
  sorted: readonly TracedKernel[],
): number | undefined {
  const endUs = startUs + durationUs;
  const overlapOf = new Map<number, number>();
  for (const other of sorted) {
    if (other.startUs >= endUs) break;
    const blocks = gridProduct(other);
    if (other.pid !== pid || blocks === undefined || blocks >= run.split.gpuSms) continue;
    const overlap = Math.min(endUs, other.startUs + other.durationUs) - Math.max(startUs, other.startUs);
    if (overlap > 0) overlapOf.set(blocks, (overlapOf.get(blocks) ?? 0) + overlap);
  }
  const [held] = [...overlapOf].sort((a, b) => b[1] - a[1]);
  return held !== undefined && held[1] >= LEAST_OVERLAP * durationUs ? run.split.gpuSms - held[0] : undefined;
}

/**
 * Measures the share of its rate that a memory-bound kernel keeps on a communication stream while persistent compute
 * kernels hold the other SMs.
 *
 * @param hardware with the fitted rates.
 * @returns undefined where no such kernel ran.
 */
export function measuredShare(
  run: TracedRun,
  beside: readonly BesideCompute[],
  hardware: HardwarePreset,
): MeasuredShare | undefined {
  const sorted = run.trace.kernels
    .filter((kernel, index) => !run.collectives.has(index) && !run.communicationStreams.has(streamOf(kernel)))
    .sort((a, b) => a.startUs - b.startUs);
  const found = beside.flatMap(({ index, kind, bytes }) => {
    const rate = hardware.kernels[kind];
    const sms = smsLeft(run, run.trace.kernels[index], sorted);
    return rate.model !== 'memory' || sms === undefined ? [] : [{ sms, rate, bytes, ns: run.ns.get(index)! }];
  });
  const sms = mostFrequent(found.map((one) => one.sms));
  let [fullNs, ns, count] = [0, 0, 0];
  for (const one of found) {
    if (one.sms !== sms || one.ns <= one.rate.floorNs) continue;
    fullNs += one.bytes / one.rate.GBps;
    ns += one.ns - one.rate.floorNs;
    count++;
  }
  return count === 0 || sms === undefined
    ? undefined
    : { sms, share: Math.min(1, Number((fullNs / ns).toPrecision(3))), count };
}

/**
 * @returns the preset's points for a run: full rate with the SMs that compute had, for its rates were fitted there, and
 * what was measured with fewer.
 */
export function sharePoints(base: Points, computeSms: number, measured: MeasuredShare | undefined): Points {
  const full = Math.min(computeSms, base.at(-1)![0]);
  const below = base.filter(([sms]) => sms < full && (measured === undefined || sms !== measured.sms));
  const points: Points = measured === undefined || measured.sms >= full ? below : [[measured.sms, measured.share]];
  return [...points, [full, 1]];
}
