import {
  awakeNs,
  catalogueOf,
  changingSlowness,
  launchCosts,
  microBatchesOf,
  placedExperts,
  roleOfRank,
} from '@epemu/config';
import type { Configuration, MicroBatch } from '@epemu/config';
import type { ComputePool, TaskTiming } from '@epemu/compute';
import { EpemuError } from '@epemu/core';
import type { Endpoint, Fabric } from '@epemu/fabric';
import { programOf } from '@epemu/schedule';
import type { Operation, Program } from '@epemu/schedule';
import { canonicalRecord, canonicalTimeline, emptyRecord, emptyTimeline, SlowLinks } from '@epemu/timeline';
import type { RankRecord, RankTimeline } from '@epemu/timeline';
import type { SendLayout } from './layout.js';
import { Pace } from './pace.js';
import { EventQueue } from './timing/event-queue.js';
import { Mailbox } from './timing/mailbox.js';
import { TimingPlane } from './timing/plane.js';
import { PortOrder } from './timing/port-order.js';
import { buffersOf } from './tokens/buffers.js';
import { TokenPlane } from './tokens/plane.js';
import { TokenProgram } from './tokens/program-run.js';
import type { NumericsTotals } from './numerics.js';
import type { TaskKind } from './tokens/plane.js';
import { Topology } from './topology.js';

const NO_TOKENS: MicroBatch = { tokens: 0, attentionPairs: 0, pieces: [] };

/** What a rank tells the worker that holds it. */
export interface RankObserver {
  /** An operation starts in virtual time. */
  onOperation(rank: number, operation: Operation): void;
  /** An operation has ended in virtual time; an issue's background transfer ends later, by {@link onTransfer}. */
  onOperationEnd?(rank: number, operation: Operation, startNs: number, endNs: number): void;
  /** A background transfer has ended: from its issue to the last byte that the rank needs. */
  onTransfer?(rank: number, issue: Operation, issueNs: number, arrivedNs: number): void;
  /** A batch of arithmetic was done in a compute thread. */
  onTask(rank: number, kind: TaskKind, timing: TaskTiming): void;
}

/** What a finished rank hands over. */
export interface RankResult {
  readonly timeline: RankTimeline;
  readonly record: RankRecord;
  readonly numerics: NumericsTotals;
}

/** One EP rank: it moves real tokens and times its own program, and knows of others only what messages told it. */
export class Rank {
  readonly #rank: number;
  readonly #timing: TimingPlane;
  readonly #tokens: TokenPlane;
  readonly #tokenProgram: TokenProgram;
  readonly #queue = new EventQueue();
  readonly #mailbox = new Mailbox(this.#queue);
  readonly #pace: Pace;
  readonly #timeline: RankTimeline;
  readonly #record: RankRecord;
  #fail!: (error: Error) => void;
  readonly #failed: Promise<never>;
  /** Whether tokens move; see `plannedLayout`. */
  readonly #movesTokens: boolean;

  /**
   * Attaches the rank to the fabric; from now on it takes in messages.
   *
   * Where `plannedLayout` tells how a dispatch is laid out, the rank exchanges headers alone: its virtual time is that of a
   * run whose tokens move, but nothing is checked, hashed or computed.
   */
  constructor(options: {
    rank: number;
    configuration: Configuration;
    program: Program;
    fabric: Fabric;
    pool: ComputePool;
    observer: RankObserver;
    plannedLayout?: (operation: Operation) => SendLayout;
  }) {
    const { rank, configuration, fabric, pool, observer, plannedLayout } = options;
    this.#movesTokens = plannedLayout === undefined;
    const program = programOf(options.program, rank);
    const role = roleOfRank(configuration, rank);
    this.#rank = rank;
    this.#pace = new Pace(configuration.pace);
    this.#timeline = emptyTimeline(rank);
    this.#record = emptyRecord(rank);
    this.#failed = new Promise<never>((_, reject) => {
      this.#fail = (error) => {
        this.#queue.fail(error);
        this.#tokens.fail(error);
        this.#tokenProgram.fail(error);
        this.#pace.fail(error);
        reject(error);
      };
    });
    this.#failed.catch(() => undefined);
    const topology = new Topology(role.group, configuration.hardware.nodeSize, placedExperts(configuration));
    const member = topology.memberOf(rank);
    const { attends } = program.roles.find(({ name }) => name === role.name)!;
    // Whoever only holds experts has no tokens of its own.
    const microBatches = microBatchesOf(configuration, rank).map((batch) => (attends ? batch : NO_TOKENS));
    const endpoint: Endpoint = fabric.attach(rank, {
      onHeader: (header) => {
        this.#guard(() => {
          this.#mailbox.deliver(header);
        });
      },
      onPayload: (payload, release) => {
        this.#guard(() => {
          this.#tokens.receive(payload, release);
        });
      },
      onPeerLost: (error) => {
        this.#fail(error);
      },
    });
    this.#tokens = new TokenPlane({
      rank,
      member,
      role,
      topology,
      endpoint,
      configuration,
      program,
      microBatches,
      pool,
      buffers: buffersOf(pool),
      record: this.#record,
      rowBegins: (row) => this.#pace.row(row),
      fail: (error) => {
        this.abort(error);
      },
      onTask: (kind, timing) => {
        observer.onTask(rank, kind, timing);
      },
    });
    this.#tokenProgram = new TokenProgram(this.#tokens);
    this.#timing = new TimingPlane(
      {
        rank,
        member,
        role,
        configuration,
        launch: launchCosts(configuration),
        program,
        catalogue: catalogueOf(configuration, role.group),
        asked: new Set(program.operations.flatMap(({ kind, beside }) => (kind === 'collective' ? beside : []))),
        spans: new Map(),
        topology,
        endpoint,
        queue: this.#queue,
        mailbox: this.#mailbox,
        ports: new PortOrder(this.#queue, program),
        slowLinks: new SlowLinks(),
        disturbance: {
          awakeNs: (ns) => awakeNs(configuration, rank, ns),
          slowness: changingSlowness(configuration, rank),
        },
        timeline: this.#timeline,
        record: this.#record,
        microBatches,
        layout: (operation) =>
          plannedLayout === undefined ? this.#tokens.layout(operation) : Promise.resolve(plannedLayout(operation)),
        received: new Map(),
      },
      {
        rowBegins: (row) => this.#pace.row(row),
        onOperation: (operation) => {
          observer.onOperation(rank, operation);
        },
        onOperationEnd: (operation, startNs, endNs) => {
          observer.onOperationEnd?.(rank, operation, startNs, endNs);
        },
        onTransfer: (issue, issueNs, arrivedNs) => {
          observer.onTransfer?.(rank, issue, issueNs, arrivedNs);
        },
        tokensArrived: ({ id }) => (this.#movesTokens ? this.#tokenProgram.done(id) : undefined),
      },
    );
  }

  /**
   * Runs the rank's program to its end; what it recorded is in {@link snapshot} then.
   * @throws the first failure: of a peer, a message or a computation.
   */
  async run(): Promise<void> {
    this.#pace.start();
    const tokens = this.#movesTokens ? [this.#tokenProgram.run()] : [];
    await Promise.race([this.#failed, Promise.all([this.#timing.run(), ...tokens])]);
  }

  /**
   * @returns a sorted copy of what the rank has recorded so far: all of it after {@link run}, less when the run was
   * aborted. It takes several times the memory of the record itself: whoever has many ranks asks one after the other.
   */
  snapshot(): RankResult {
    return {
      timeline: canonicalTimeline(this.#timeline),
      record: canonicalRecord(this.#record),
      numerics: this.#tokens.numerics,
    };
  }

  /** Ends the rank with an error; everything it waits for is rejected. */
  abort(error: unknown): void {
    this.#fail(error instanceof Error ? error : new EpemuError(String(error)));
  }

  #guard(handle: () => void): void {
    try {
      handle();
    } catch (error) {
      this.abort(error);
    }
  }

  /** What it has recorded so far, in the order of recording, which is the host's; it grows. */
  get timeline(): RankTimeline {
    return this.#timeline;
  }

  /** The rank's number. */
  get rank(): number {
    return this.#rank;
  }
}
