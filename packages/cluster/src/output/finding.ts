import type { Configuration } from '@epemu/config';
import type { FigureReport } from '@epemu/timeline';

/** The option to try against a cause. */
function remedy(configuration: Configuration, waitsFor: 'notify' | 'transfer' | 'kernel'): string {
  if (configuration.overlap === 'none')
    return 'try --overlap full, which hides communication behind the other micro-batch';
  if (waitsFor === 'notify') {
    if (configuration.slowRanks.length > 0) return 'try --set slowRanks=[] to see the cost of the slow ranks';
    return configuration.routing === 'balanced'
      ? 'try --set jitter=0 to see how much of it is jitter'
      : 'try --routing balanced to see how much of it is uneven routing';
  }
  const bandwidth = configuration.hardware.ports.rdma.bandwidthGBps;
  return `try --set hardware.ports.rdma.bandwidthGBps=${bandwidth * 2} or a larger --tokens-per-microbatch`;
}

/** @returns one sentence: the largest exposed piece of communication, its cause and the option to try. */
export function findingOf(configuration: Configuration, figures: FigureReport): string {
  const piece = figures.largestExposed;
  if (piece === null) return 'No communication is exposed: all of it is hidden behind computation.';
  const cause = {
    notify: 'its notify waits for the slowest rank',
    transfer: 'its bytes are still on their way',
    kernel: 'its kernel runs alone',
  }[piece.waitsFor];
  const held = piece.blocked === null ? '' : `, which holds up ${piece.blocked}`;
  const share = figures.timeline.exposedCommPct.toFixed(1);
  return (
    `The largest exposed piece is ${piece.us.toFixed(0)} µs of ${piece.phase} on rank ${piece.rank} at ` +
    `${(piece.startUs / 1000).toFixed(2)} ms: ${cause}${held} (${share} % of the span is exposed in all); ` +
    `${remedy(configuration, piece.waitsFor)}.`
  );
}
