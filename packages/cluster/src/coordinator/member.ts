import type { ControlChannel } from '../control/channel.js';
import { clockOffsetNs } from '../control/clock.js';
import type { ClockSample } from '../control/clock.js';
import type { CoordinatorMessage, WorkerMessage, WorkerStatistics } from '../control/messages.js';
import { ranksText } from '../ranks-text.js';

/** A worker's way through a run. */
export type MemberState = 'joined' | 'assigned' | 'listening' | 'ready' | 'running' | 'finished' | 'gone';

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
  statistics: WorkerStatistics | undefined;
  /** Operation that each of its ranks was in when last heard of. */
  readonly current = new Map<number, number>();
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

  /** What to add to the worker's host clock to get the coordinator's. */
  get offsetNs(): number {
    return clockOffsetNs(this.clock);
  }

  /** `rank 5` or `ranks 8–15`. */
  get name(): string {
    return this.ranks.length === 0 ? `worker process ${this.pid}` : ranksText(this.ranks);
  }
}
