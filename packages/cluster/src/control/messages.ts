import * as z from 'zod';

/** Version of the control protocol; both sides must speak the same. */
export const CONTROL_PROTOCOL_VERSION = 5;

const COUNT = z.int().nonnegative();
const NUMERICS = z.strictObject({
  tokensChecked: COUNT,
  chainsChecked: COUNT,
  missing: COUNT,
  duplicated: COUNT,
  wrong: COUNT,
  maxRelativeError: z.number(),
});

/** What a worker's fabric and process did, for the report. */
const STATISTICS = z.strictObject({
  messagesSent: COUNT,
  wireBytesSent: COUNT,
  framesSent: COUNT,
  decodeErrors: COUNT,
  peakRssBytes: COUNT,
});

/** Fields of a move, one after the other: a rank's operation (`background` 0) or its transfer (1), virtual integer ns. */
export const MOVE_FIELDS = ['rank', 'operation', 'background', 'startNs', 'endNs'] as const;
/** Moves of one report; a worker that has more sends several. */
export const MOST_MOVES = 16_384;

/** The greeting of another version, of which nothing else is known. */
const FOREIGN_HELLO = z
  .looseObject({
    type: z.literal('hello'),
    protocolVersion: z.int().refine((version) => version !== CONTROL_PROTOCOL_VERSION),
  })
  .transform(({ protocolVersion }) => ({ type: 'foreign-hello' as const, protocolVersion }));

const OWN_MESSAGE_SCHEMA = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('hello'),
    protocolVersion: z.literal(CONTROL_PROTOCOL_VERSION),
    token: z.string().max(256),
    pid: z.int().positive(),
    host: z.string().max(256),
    /** The same for all processes under one kernel, whatever containers or namespaces they are in. */
    machine: z.string().max(256),
    slots: z.int().min(1).max(4096),
    /** Place among the processes that a launcher (Slurm, mpirun, …) started: lower places get lower ranks. */
    place: COUNT.optional(),
  }),
  z.strictObject({ type: z.literal('pong'), sequence: COUNT, workerNs: z.number() }),
  z.strictObject({
    type: z.literal('listening'),
    url: z
      .string()
      .max(512)
      .refine((url) => URL.canParse(url), 'is no URL'),
    /** Where the worker serves its metrics, `host:port`. */
    metricsTarget: z.string().max(512).optional(),
  }),
  z.strictObject({ type: z.literal('ready') }),
  z.strictObject({
    type: z.literal('progress'),
    /** Counts whatever moves: operations started and messages received. */
    counter: COUNT,
    operations: z.array(z.tuple([COUNT, COUNT])).max(4096),
    /** Messages sent since the start. */
    messagesSent: COUNT,
    /** What has ended since the last report, where the coordinator asked to follow; see {@link MOVE_FIELDS}. */
    moves: z.array(z.int()).max(MOST_MOVES * MOVE_FIELDS.length),
  }),
  /** The answer to a probe: workers that did not answer this one. */
  z.strictObject({ type: z.literal('unheard'), workers: z.array(COUNT).max(4096) }),
  z.strictObject({ type: z.literal('numerics'), rank: COUNT, numerics: NUMERICS }),
  z.strictObject({ type: z.literal('finished'), statistics: STATISTICS }),
  z.strictObject({
    type: z.literal('failed'),
    message: z.string().max(4096),
    /** A lost peer is a consequence of somebody else's failure; what is not, may be the cause. */
    peerLost: z.boolean(),
    /** Workers that it could not connect to: either side may be the cause. */
    unreached: z.array(COUNT).max(4096).optional(),
    stack: z.string().max(16_384).optional(),
  }),
]);

/** What a worker tells the coordinator. */
export const WORKER_MESSAGE_SCHEMA = z.union([OWN_MESSAGE_SCHEMA, FOREIGN_HELLO]);

/** What the coordinator tells a worker. */
export const COORDINATOR_MESSAGE_SCHEMA = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('ping'), sequence: COUNT }),
  z.strictObject({
    type: z.literal('assign'),
    runId: z.string().max(128),
    worker: COUNT,
    workerOfRank: z.array(COUNT).max(4096),
    threads: z.int().positive(),
    /** Whether somebody looks on: progress then tells every operation's virtual times. */
    follow: z.boolean(),
    configuration: z.record(z.string(), z.unknown()),
  }),
  z.strictObject({
    type: z.literal('peers'),
    peers: z.array(z.strictObject({ worker: COUNT, url: z.string().max(512) })).max(4096),
  }),
  z.strictObject({ type: z.literal('start') }),
  z.strictObject({ type: z.literal('stored'), rank: COUNT }),
  /** Nothing moves: say whom you do not hear. */
  z.strictObject({ type: z.literal('probe') }),
  z.strictObject({ type: z.literal('leave') }),
  /** The slots were covered without this worker. */
  z.strictObject({ type: z.literal('dismiss') }),
  z.strictObject({ type: z.literal('refuse'), message: z.string().max(1024) }),
  /** The run has failed: hand over what there is. */
  z.strictObject({ type: z.literal('abort'), message: z.string().max(8192), exitCode: z.int().min(1).max(255) }),
]);

export type WorkerMessage = z.infer<typeof WORKER_MESSAGE_SCHEMA>;
export type CoordinatorMessage = z.infer<typeof COORDINATOR_MESSAGE_SCHEMA>;
export type WorkerStatistics = z.infer<typeof STATISTICS>;
export type Numerics = z.infer<typeof NUMERICS>;

/** Kinds of bulk data that a worker hands over. */
export const BLOB_KIND = { timeline: 1, record: 2, hostEvents: 3 } as const;
export type BlobKind = (typeof BLOB_KIND)[keyof typeof BLOB_KIND];
