import { nodeCount } from '@epemu/config';
import type { Configuration } from '@epemu/config';
import { transferOf } from '@epemu/presets';
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
  return bandwidthRemedy(configuration, kind.rateKind);
}

/** Where the port binds a faster one helps, else more communication SMs. */
function bandwidthRemedy(configuration: Configuration, rateKind: string): string {
  const { hardware, era, schedule } = configuration;
  const transfer = transferOf(hardware, era, rateKind);
  // On one node NVLink carries all, where the kernels use it at all.
  const link = nodeCount(configuration) === 1 && transfer.nvlink !== undefined ? 'nvlink' : 'rdma';
  const { GBpsPerSm } = (link === 'nvlink' ? transfer.nvlink : transfer.rdma) ?? transfer.rdma;
  const { bandwidthGBps } = hardware.ports[link];
  if (GBpsPerSm === undefined || GBpsPerSm * schedule.communicationSms >= bandwidthGBps) {
    const what = link === 'nvlink' ? 'faster NVLink' : 'a faster NIC';
    return `try --set hardware.ports.${link}.bandwidthGBps=${bandwidthGBps * 2} to see what ${what} would bring`;
  }
  const sms = schedule.communicationSms + 4;
  return `try --set schedule.communicationSms=${sms} to see what more SMs for communication would bring`;
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
