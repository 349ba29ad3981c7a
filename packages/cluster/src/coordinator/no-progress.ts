import { setTimeout as delay } from 'node:timers/promises';
import { NoProgressError } from '@epemu/core';
import { shareOf } from '@epemu/schedule';
import type { Program } from '@epemu/schedule';
import { furthest, whereText } from './failure.js';
import { STATE_ORDER } from './member.js';
import type { Member } from './member.js';
import { remedyFor, standsStill } from './standstill.js';

/** How long workers may take to say whom they do not hear: longer than they ask their peers. */
const PROBE_MS = 3000;
const POLL_MS = 50;
/** As many are named of those that are silent, or do not hear each other. */
const MOST_NAMED = 4;

/** Members that have said nothing for most of the time, those that are stopped first. */
function silentMembers(members: readonly Member[], seconds: number): Member[] {
  const silentSince = performance.now() - (seconds * 1000) / 2;
  return members
    .filter(({ state, heardAt }) => state !== 'finished' && heardAt < silentSince)
    .sort((a, b) => Number(standsStill(b)) - Number(standsStill(a)) || a.heardAt - b.heardAt || a.worker - b.worker);
}

/** @returns whether a worker has its ranks and is still there. */
function answers({ state }: Member): boolean {
  return state === 'listening' || state === 'ready' || state === 'running';
}

/**
 * Finds out why nothing has moved for `seconds`: where all workers answer, they are asked which of their peers they hear.
 * @param stage what the run is at, where ranks have not begun: `connecting`.
 */
export async function explainStall(
  program: Program,
  members: readonly Member[],
  seconds: number,
  stage: 'connecting' | 'running',
): Promise<NoProgressError> {
  if (silentMembers(members, seconds).length === 0) {
    const asked = members.filter(answers);
    for (const member of asked) member.channel.send({ type: 'probe' });
    const deadline = performance.now() + PROBE_MS;
    const open = (): boolean => asked.some((member) => member.unheard === undefined && answers(member));
    while (open() && performance.now() < deadline) await delay(POLL_MS);
  }
  return noProgress(program, members, seconds, stage);
}

/**
 * @param stage what the run is at, where ranks have not begun: `connecting`.
 * @returns the error of a run in which nothing has moved for `seconds`. It names who is stopped, or else who has been
 * silent for most of that time, for a stopped process holds up others that still tell so; without one, workers that do not
 * hear each other; without such, who is furthest behind.
 */
export function noProgress(
  program: Program,
  members: readonly Member[],
  seconds: number,
  stage: 'connecting' | 'running' = 'running',
): NoProgressError {
  const unfinished = members.filter((member) => member.state !== 'finished');
  const [silent, ...alsoSilent] = silentMembers(members, seconds);
  const apart = silent === undefined ? apartText(unfinished) : undefined;
  if (apart !== undefined) {
    const remedy = 'see the network between them, or raise stallTimeoutSeconds';
    return new NoProgressError(`no rank has moved for ${seconds} s; ${apart}; ${remedy}`);
  }
  const at = (member: Member): number => furthest(program, member.current.values());
  const share = (member: Member): number => shareOf(program, at(member));
  const behind =
    silent ?? unfinished.sort((a, b) => depth(a) - depth(b) || share(a) - share(b) || a.worker - b.worker)[0];
  if (behind === undefined) return new NoProgressError(`no worker has moved for ${seconds} s`);
  const where = stage === 'connecting' ? 'while workers connect' : whereText(program.operations[at(behind)]);
  const why = silent === undefined ? 'furthest behind' : 'silent';
  // Those whom a stopped one holds up are no cause.
  const others = standsStill(behind) ? alsoSilent.filter(standsStill) : alsoSilent;
  const also =
    others.length === 0 ? '' : `, and so ${others.length === 1 ? 'is' : 'are'} ${listed(others.map(nameOf))}`;
  return new NoProgressError(
    `no rank has moved for ${seconds} s; ${why} is ${behind.name} (pid ${behind.pid}) ${where}${also}; ${remedyFor(behind)}`,
  );
}

/** @returns who does not hear whom, as far as workers have said so; undefined for nobody. */
function apartText(members: readonly Member[]): string | undefined {
  const pairs = members.flatMap((member) =>
    members
      .filter(
        (other) =>
          other !== member &&
          member.unheard?.includes(other.worker) === true &&
          // Each pair once, whether one of them has said so or both.
          (member.worker < other.worker || other.unheard?.includes(member.worker) !== true),
      )
      .map((other) => [member, other] as const),
  );
  if (pairs.length === 0) return undefined;
  return listed(pairs.map((pair) => `${pair.map(nameOf).join(' and ')} do not hear each other`));
}

function nameOf({ name, pid, host }: Member): string {
  return `${name} (pid ${pid} on ${host})`;
}

function listed(texts: readonly string[]): string {
  const more = texts.length - MOST_NAMED;
  return `${texts.slice(0, MOST_NAMED).join(', ')}${more > 0 ? `, and ${more} more` : ''}`;
}

/** How far a worker has come. */
function depth({ state }: Member): number {
  return STATE_ORDER.indexOf(state);
}
