import { timingSafeEqual } from 'node:crypto';
import { CONTROL_PROTOCOL_VERSION } from '../control/messages.js';
import type { WorkerMessage } from '../control/messages.js';
import type { Member } from './member.js';

/** Compares tokens in a time that does not tell how much of them agrees. */
function sameToken(given: string, expected: string): boolean {
  const a = Buffer.from(given);
  const b = Buffer.from(expected);
  return a.length === b.length && timingSafeEqual(a, b);
}

/**
 * @param joined workers whose places are taken.
 * @returns why somebody's first message makes nobody a worker of this run; undefined where it does.
 */
export function reasonAgainst(message: WorkerMessage, token: string, joined: readonly Member[]): string | undefined {
  if (message.type === 'foreign-hello') {
    const both = `it speaks protocol version ${message.protocolVersion}, the coordinator ${CONTROL_PROTOCOL_VERSION}`;
    return `${both}; use the same epemu on both sides`;
  }
  if (message.type !== 'hello') return `its first message is ${message.type}, not hello`;
  if (!sameToken(message.token, token)) return 'its token is not the one of this run';
  const double = joined.find(({ place }) => place !== undefined && place === message.place);
  if (double === undefined) return undefined;
  return (
    `place ${String(double.place)} is taken by the worker on ${double.host} (pid ${double.pid}); ` +
    'start each process of a launcher once'
  );
}
