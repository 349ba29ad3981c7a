import { hostname } from 'node:os';
import { isStopped } from '../process-state.js';
import type { Member } from './member.js';

/** @returns whether a worker's process is stopped, as far as can be told from here. */
export function standsStill({ pid, host }: Member): boolean {
  return host === hostname() && isStopped(pid);
}

/** @returns what to do about a worker that does not answer. */
export function remedyFor(member: Member): string {
  if (standsStill(member)) return `that process is stopped; kill -CONT ${member.pid} lets one go on`;
  return 'see whether that process is stopped, or raise stallTimeoutSeconds';
}
