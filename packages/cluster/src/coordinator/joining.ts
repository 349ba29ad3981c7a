import { EpemuError, NoProgressError, counted } from '@epemu/core';
import { isStopped } from '../process-state.js';
import { StallWatch } from '../stall-watch.js';
import type { Member } from './member.js';
import type { Refusals } from './refusals.js';

/** As many processes are named. */
const MOST_NAMED = 8;

/** How long workers have to join. */
export interface JoiningLimits {
  readonly ranks: number;
  /** For all of those that come from elsewhere, ms. */
  readonly joinTimeoutMs: number;
  /** For the next one of those that the run has started itself, s. */
  readonly stallTimeoutSeconds: number;
  /** Numbers of the latter's processes; undefined where workers come from elsewhere. */
  readonly ownWorkers: (() => readonly number[]) | undefined;
}

/** Who is there, and who was turned away. */
export interface Joining {
  readonly members: readonly Member[];
  readonly refusals: Refusals;
}

/**
 * Watches over workers that join.
 * @param onTimeout told of it when they do not, with who is missing.
 * @returns what ends the watch.
 */
export function watchJoining(
  limits: JoiningLimits,
  look: () => Joining,
  onTimeout: (error: EpemuError) => void,
): { end(): void } {
  const { ownWorkers, joinTimeoutMs, stallTimeoutSeconds } = limits;
  if (ownWorkers !== undefined) {
    return new StallWatch(
      stallTimeoutSeconds,
      () => look().members.length,
      () => {
        onTimeout(notJoined(ownWorkers(), look().members, stallTimeoutSeconds));
      },
    );
  }
  const timer = setTimeout(() => {
    onTimeout(notCovered(limits, look()));
  }, joinTimeoutMs);
  return {
    end: () => {
      clearTimeout(timer);
    },
  };
}

/** @returns the error of a run whose workers' slots have not covered the ranks in time. */
function notCovered({ ranks, joinTimeoutMs }: JoiningLimits, { members, refusals }: Joining): EpemuError {
  const slots = members.reduce((sum, member) => sum + member.slots, 0);
  const joined = `${counted(members.length, 'worker')} with ${counted(slots, 'slot')} joined`;
  const { count, last } = refusals;
  const turnedAway = count === 0 ? '' : ` (${count} refused, the last: ${last})`;
  return new EpemuError(
    `${joined} within ${Math.round(joinTimeoutMs / 1000)} s${turnedAway}, but ` +
      `${ranks} ranks need that many slots; start more workers or raise --join-timeout`,
  );
}

/** @returns the error of a run whose own worker processes have not all joined, and of which none has for `seconds`. */
function notJoined(pids: readonly number[], joined: readonly Member[], seconds: number): NoProgressError {
  const missing = pids.filter((pid) => !joined.some((member) => member.pid === pid));
  const stopped = missing.filter(isStopped);
  const named = (stopped.length > 0 ? stopped : missing).slice(0, MOST_NAMED);
  const list = named.map((pid) => `pid ${pid}${isStopped(pid) ? ', stopped' : ''}`).join(', ');
  const how = `${missing.length} of ${pids.length} worker processes have not (${list}${missing.length > named.length ? ', …' : ''})`;
  return new NoProgressError(
    `no worker has joined for ${seconds} s, and ${how}; see whether they are stopped, or raise stallTimeoutSeconds`,
  );
}
