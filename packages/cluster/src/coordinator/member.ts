import { ControlProtocolError } from '../control/channel.js';
import type { ControlChannel } from '../control/channel.js';
import { clockOffsetNs } from '../control/clock.js';
import type { ClockSample } from '../control/clock.js';
import type { CoordinatorMessage, WorkerMessage, WorkerStatistics } from '../control/messages.js';
import { ranksText } from '../ranks-text.js';
import type { PlacedWorker } from '../run-events.js';

/** A worker's way through a run. */
export type MemberState = 'joined' | 'assigned' | 'listening' | 'ready' | 'running' | 'finished' | 'gone';

/** States in the order in which a worker goes through them: reaching the next is a move. */
export const STATE_ORDER: readonly MemberState[] = ['joined', 'assigned', 'listening', 'ready', 'running', 'finished'];

/** What a worker hands over of each rank. */
type HandedOver = 'timeline' | 'operations' | 'numerics';
const PARTS = 3;

/** A worker as the coordinator knows it. */
export class Member {
  readonly channel: ControlChannel<WorkerMessage, CoordinatorMessage>;
  readonly pid: number;
  readonly host: string;
  readonly machine: string;
  readonly slots: number;
  readonly place: number | undefined;
  worker = -1;
  ranks: readonly number[] = [];
  url = '';
  metricsTarget: string | undefined;
  state: MemberState = 'joined';
  progress = 0;
  /** When anything last came from it, by `performance.now()`; a running worker tells its progress all the time. */
  heardAt = performance.now();
  /** Workers that it does not hear, where it was asked. */
  unheard: readonly number[] | undefined;
  statistics: WorkerStatistics | undefined;
  /** Operation that each of its ranks was in when last heard of. */
  readonly current = new Map<number, number>();
  /** What it has handed over of each of its ranks. */
  readonly #handedOver = new Map<number, Set<HandedOver>>();
  readonly clock: ClockSample[] = [];
  readonly pings = new Map<number, number>();

  constructor(
    channel: ControlChannel<WorkerMessage, CoordinatorMessage>,
    hello: { pid: number; host: string; machine: string; slots: number; place?: number | undefined },
  ) {
    this.channel = channel;
    this.pid = hello.pid;
    this.host = hello.host;
    this.machine = hello.machine;
    this.slots = hello.slots;
    this.place = hello.place;
  }

  /** What others are told of it. */
  get placed(): PlacedWorker {
    const { worker, pid, host, ranks, metricsTarget } = this;
    return { worker, pid, host, ranks, ...(metricsTarget === undefined ? {} : { metricsTarget }) };
  }

  /** Takes note of a part of what a rank recorded. @throws ControlProtocolError when it is none of its ranks. */
  noteHandedOver(rank: number, part: HandedOver): void {
    if (!this.ranks.includes(rank)) throw new ControlProtocolError(`${part} of rank ${rank}, which it does not hold`);
    const parts = this.#handedOver.get(rank) ?? new Set();
    if (parts.has(part)) throw new ControlProtocolError(`${part} of rank ${rank} come twice`);
    this.#handedOver.set(rank, parts.add(part));
  }

  /** @throws ControlProtocolError when not everything of each rank has been handed over. */
  expectAllHandedOver(): void {
    const missing = this.ranks.filter((rank) => this.#handedOver.get(rank)?.size !== PARTS);
    if (missing.length === 0) return;
    const what = `everything of ${missing.length} of its ranks, the first of them ${missing[0]}`;
    throw new ControlProtocolError(`it says that it has finished, but has not handed over ${what}`);
  }

  /** @throws ControlProtocolError when it has not come so far that it may say something. */
  expectAtLeast(least: MemberState, message: string): void {
    if (STATE_ORDER.indexOf(this.state) >= STATE_ORDER.indexOf(least)) return;
    throw new ControlProtocolError(`${message} comes before the worker is ${least}; it is ${this.state}`);
  }

  /** What to add to the worker's host clock to get the coordinator's. */
  get offsetNs(): number {
    return clockOffsetNs(this.clock);
  }

  /** `rank 5` or `ranks 8–15`. */
  get name(): string {
    return this.ranks.length === 0 ? `worker process ${this.pid}` : ranksText(this.ranks);
  }
}
