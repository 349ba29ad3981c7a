import { EpemuError, NoProgressError, RankFailedError } from '@epemu/core';
import { shareOf } from '@epemu/schedule';
import type { Operation, Program } from '@epemu/schedule';
import { remedyFor, standsStill } from './standstill.js';
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
export function furthest(program: Program, operations: Iterable<number>): number {
  return [...operations].reduce((most, id) => (shareOf(program, id) > shareOf(program, most) ? id : most), -1);
}
