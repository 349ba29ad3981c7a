import type { Configuration } from '@epemu/config';
import type { FigureReport } from '@epemu/timeline';

/** The option to try against a cause. */
function remedy(configuration: Configuration, phase: string, waitsFor: 'notify' | 'transfer' | 'kernel'): string {
  if (configuration.overlap === 'none')
    return 'try --overlap full, which hides communication behind the other micro-batch';
  if (waitsFor === 'notify') {
    if (configuration.slowRanks.length > 0) return 'try --set slowRanks=[] to see the cost of the slow ranks';
    return configuration.routing === 'balanced'
      ? 'try --set jitter=0 to see how much of it is jitter'
      : 'try --routing balanced to see how much of it is uneven routing';
  }
  const kind = configuration.schedule.phases.find(
    ({ name }) => name === phase || name === `issue ${phase}`,
  )?.collective;
  if (kind === undefined) return 'try another --overlap or batch size';
  // The transfer kernel's rate binds, not the port; twice the rate is cut off at the port.
  const rate = configuration.hardware.transferRates[kind.rateKind].rdmaGBps;
  return `try --set hardware.transferRates.${kind.rateKind}.rdmaGBps=${rate * 2} to see what a faster transfer would bring`;
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
    `${remedy(configuration, piece.phase, piece.waitsFor)}.`
  );
}
