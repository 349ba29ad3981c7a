import { hostname } from 'node:os';
import { EpemuError, NoProgressError, RankFailedError } from '@epemu/core';
import { shareOf } from '@epemu/schedule';
import type { Operation, Program } from '@epemu/schedule';
import { isStopped } from '../process-state.js';
import { STATE_ORDER } from './member.js';
import type { Member } from './member.js';

/** How a worker process ended, as its parent saw it. */
export interface ProcessExit {
  readonly pid: number;
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** The last lines it wrote to standard error. */
  readonly errorOutput: string;
}

/** What a worker says of its own failure. */
interface Report {
  readonly member: Member;
  readonly message: string;
  readonly peerLost: boolean;
  readonly unreached: readonly number[];
}

/** Workers answer once a second; whoever has said nothing for so long does not run. */
const SILENT_MS = 10_000;

/** How a run failed, from the first sign on: the cause and its consequences come in any order. */
export class FailureLog {
  readonly #program: Program;
  readonly #exits: ProcessExit[] = [];
  readonly #reports: Report[] = [];
  readonly #lost: { member: Member; fault: string | undefined }[] = [];

  constructor(program: Program) {
    this.#program = program;
  }

  get empty(): boolean {
    return this.#exits.length + this.#reports.length + this.#lost.length === 0;
  }

  addExit(exit: ProcessExit): void {
    this.#exits.push(exit);
  }

  /** @param unreached workers that it could not connect to. */
  addReport(member: Member, message: string, peerLost: boolean, unreached: readonly number[] = []): void {
    this.#reports.push({ member, message, peerLost, unreached });
  }

  /** @param fault what the member did against the protocol, where the coordinator ended the connection for it. */
  addLost(member: Member, fault?: string): void {
    this.#lost.push({ member, fault });
  }

  /**
   * @returns the root cause: a process that a signal ended, before one that ended by itself; else what a worker
   * reported of itself; else the first connection that broke.
   */
  rootCause(members: readonly Member[]): EpemuError {
    const own = this.#reports.find((report) => !report.peerLost);
    // Whoever reported first and then left did not die on its own.
    const exits = this.#exits.filter(({ pid }) => !this.#reports.some(({ member }) => member.pid === pid));
    const exit = exits.find(({ signal }) => signal !== null) ?? exits[0];
    if (exit !== undefined) {
      return this.#failed(
        members.find((member) => member.pid === exit.pid),
        exit,
      );
    }
    if (own !== undefined) return this.#failed(own.member, undefined, own.message);
    const apart = this.#reports.find(({ unreached }) => unreached.length > 0);
    if (apart !== undefined) return this.#unconnected(apart, members);
    const lost = this.#lost.find(({ fault }) => fault !== undefined) ?? this.#lost[0];
    return this.#failed(lost?.member ?? this.#reports[0]?.member, undefined, lost?.fault ?? this.#reports[0]?.message);
  }

  /** Two that do not reach each other are both named, unless one of them does not run: then it is that one's fault. */
  #unconnected({ member, message, unreached }: Report, members: readonly Member[]): EpemuError {
    const others = members.filter(({ worker }) => unreached.includes(worker));
    const dead = others.find((other) => performance.now() - other.heardAt > SILENT_MS || standsStill(other));
    if (dead !== undefined) {
      return new NoProgressError(
        `${dead.name} (pid ${dead.pid}) on ${dead.host} does not answer while workers connect; ${remedyFor(dead)}`,
      );
    }
    const [other] = others;
    if (other === undefined) return this.#failed(member, undefined, message);
    const both = [member, other].map(({ name, pid, host }) => `${name} (pid ${pid} on ${host})`).join(' and ');
    return new RankFailedError(`${both} could not connect to each other: ${message}`, {
      ranks: [member, other].flatMap(({ ranks }) => ranks),
      cause: message,
    });
  }

  #failed(member: Member | undefined, exit?: ProcessExit, cause?: string): RankFailedError {
    const operation = member === undefined ? undefined : this.#latestOperation(member);
    const pid = member?.pid ?? exit?.pid;
    const said = exit?.errorOutput.trim() ?? '';
    const reason = cause ?? (said === '' ? undefined : said);
    const ended = describeExit(exit);
    const who = member === undefined ? `worker process ${String(pid)}` : `${member.name} (pid ${member.pid})`;
    const message = `${who} ${ended} ${whereText(operation)}${reason === undefined ? '' : `: ${reason}`}`;
    return new RankFailedError(message, {
      ranks: member?.ranks ?? [],
      ...(pid === undefined ? {} : { pid }),
      ...(exit?.signal == null ? {} : { signal: exit.signal }),
      ...(exit?.code == null ? {} : { exitStatus: exit.code }),
      ...(operation === undefined ? {} : { layer: operation.layer, phase: operation.phase }),
      ...(reason === undefined ? {} : { cause: reason }),
    });
  }

  #latestOperation(member: Member): Operation | undefined {
    return this.#program.operations[furthest(this.#program, member.current.values())];
  }
}

/** @returns where a rank is that has come to an operation; undefined before its first. */
export function whereText(operation: Operation | undefined): string {
  return operation === undefined ? 'before its first phase' : `in ${operation.phase} of layer ${operation.layer}`;
}

function describeExit(exit: ProcessExit | undefined): string {
  if (exit === undefined) return 'failed';
  if (exit.signal !== null) return `was killed by ${exit.signal}`;
  return `ended with exit status ${String(exit.code)}`;
}

/** @returns which of several ranks' operations is furthest on in its program; −1 where none has begun. */
function furthest(program: Program, operations: Iterable<number>): number {
  return [...operations].reduce((most, id) => (shareOf(program, id) > shareOf(program, most) ? id : most), -1);
}

/** @returns whether a worker's process is stopped, as far as can be told from here. */
function standsStill({ pid, host }: Member): boolean {
  return host === hostname() && isStopped(pid);
}

/** @returns what to do about a worker that does not answer. */
function remedyFor(member: Member): string {
  if (standsStill(member)) return `that process is stopped; kill -CONT ${member.pid} lets one go on`;
  return 'see whether that process is stopped, or raise stallTimeoutSeconds';
}

/**
 * @param stage what the run is at, where ranks have not begun: `connecting`.
 * @returns the error of a run in which nothing has moved for `seconds`. It names who is stopped, or else who has been
 * silent for most of that time, for a stopped process holds up others that still tell so; without one, who is furthest behind.
 */
export function noProgress(
  program: Program,
  members: readonly Member[],
  seconds: number,
  stage: 'connecting' | 'running' = 'running',
): NoProgressError {
  const unfinished = members.filter((member) => member.state !== 'finished');
  const silentSince = performance.now() - (seconds * 1000) / 2;
  const silent = unfinished
    .filter(({ heardAt }) => heardAt < silentSince)
    .sort((a, b) => Number(standsStill(b)) - Number(standsStill(a)) || a.heardAt - b.heardAt || a.worker - b.worker)[0];
  const at = (member: Member): number => furthest(program, member.current.values());
  const share = (member: Member): number => shareOf(program, at(member));
  const behind =
    silent ?? unfinished.sort((a, b) => depth(a) - depth(b) || share(a) - share(b) || a.worker - b.worker)[0];
  if (behind === undefined) return new NoProgressError(`no worker has moved for ${seconds} s`);
  const where = stage === 'connecting' ? 'while workers connect' : whereText(program.operations[at(behind)]);
  const why = silent === undefined ? 'furthest behind' : 'silent';
  return new NoProgressError(
    `no rank has moved for ${seconds} s; ${why} is ${behind.name} (pid ${behind.pid}) ${where}; ${remedyFor(behind)}`,
  );
}

/** How far a worker has come. */
function depth({ state }: Member): number {
  return STATE_ORDER.indexOf(state);
}
