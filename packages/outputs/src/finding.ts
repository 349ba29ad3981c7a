import type { ExposedPiece, FigureReport } from '@epemu/analysis';
import { bindingOf } from '@epemu/config';
import type { Collective, Configuration, PhaseTemplate } from '@epemu/config';

/** @returns the collective of a piece; undefined where the schedule has none of that name. */
function collectiveOf({ schedule }: Configuration, { phase }: ExposedPiece): PhaseTemplate['collective'] {
  return schedule.phases.find(({ name }) => name === phase || name === `issue ${phase}`)?.collective;
}

/** The option to try against a cause. */
function remedy(configuration: Configuration, piece: ExposedPiece): string {
  const kind = collectiveOf(configuration, piece);
  // What the other role has not sent no link brings sooner.
  if (kind?.type === 'receive') return 'see in report.html what the ranks that send it do until then';
  if (configuration.overlap === 'none')
    return 'try --overlap full, which hides communication behind the other micro-batch';
  if (piece.waitsFor === 'notify') return unevenRemedy(configuration);
  if (kind === undefined) return 'try another --overlap or batch size';
  return bandwidthRemedy(configuration, kind);
}

/** Where ranks wait for the slowest. */
function unevenRemedy({ slowRanks, routing }: Configuration): string {
  if (slowRanks.length > 0) return 'try --set slowRanks=[] to see the cost of the slow ranks';
  return routing === 'balanced'
    ? 'try --set jitter=0 to see how much of it is jitter'
    : 'try --routing balanced to see how much of it is uneven routing';
}

/** Where a port binds a faster one helps, else more communication SMs. */
function bandwidthRemedy(configuration: Configuration, collective: Collective): string {
  const { hardware, schedule } = configuration;
  const { link } = bindingOf(configuration, collective, hardware);
  if (link === undefined) {
    const sms = schedule.communicationSms + 4;
    return `try --set schedule.communicationSms=${sms} to see what more SMs for communication would bring`;
  }
  const { bandwidthGBps, reach } = hardware.ports[link];
  const what = reach === 'node' ? 'faster NVLink' : 'a faster NIC';
  return `try --set hardware.ports.${link}.bandwidthGBps=${bandwidthGBps * 2} to see what ${what} would bring`;
}

const CAUSES: Readonly<Record<ExposedPiece['waitsFor'], string>> = {
  notify: 'its notify waits for the slowest rank',
  transfer: 'its bytes are still on their way',
  receive: 'its bytes are still on their way',
  send: 'its kernel runs alone',
  layout: 'its kernel runs alone',
};

/** Less than this of the span, %, is nothing gained. */
const NOTHING_PCT = 0.1;

/**
 * @param freeCommunicationPct what of the span a replay says that free communication would save; undefined where none
 * was made.
 * @returns one sentence: the largest exposed piece, its cause and the option to try.
 */
export function findingOf(configuration: Configuration, figures: FigureReport, freeCommunicationPct?: number): string {
  const piece = figures.largestExposed;
  if (piece === null) return 'No communication is exposed: all of it is hidden behind computation.';
  const isHandOver = collectiveOf(configuration, piece)?.type === 'receive';
  const cause = isHandOver ? 'it waits for what another role sends' : CAUSES[piece.waitsFor];
  const held = piece.blocked === null ? '' : `, which holds up ${piece.blocked}`;
  const share = figures.timeline.exposedCommPct.toFixed(1);
  // On a rank that would only wait for a slower one, nothing is gained by hiding it.
  const idle = freeCommunicationPct !== undefined && freeCommunicationPct < NOTHING_PCT && piece.waitsFor !== 'notify';
  const elsewhere = `free communication would end the run no earlier, for the slowest rank computes to the end: ${unevenRemedy(configuration)}`;
  return (
    `The largest exposed piece is ${piece.us.toFixed(0)} µs of ${piece.phase} on rank ${piece.rank} at ` +
    `${(piece.startUs / 1000).toFixed(2)} ms: ${cause}${held} (${share} % of the span is exposed in all); ` +
    `${idle ? elsewhere : remedy(configuration, piece)}.`
  );
}
