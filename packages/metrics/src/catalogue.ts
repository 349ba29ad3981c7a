/**
 * Who has a family: `worker`: who holds ranks; `coordinator`: who follows a run, live; `process`: both of these;
 * `report`: the run folder's `metrics.prom`, which has what a run came to.
 */
export type MetricSource = 'worker' | 'coordinator' | 'process' | 'report';

/** A metric family as Prometheus knows it. */
export interface MetricFamily {
  readonly name: string;
  readonly type: 'gauge' | 'counter' | 'histogram';
  readonly help: string;
  readonly labels: readonly string[];
  /** Upper bounds of a histogram, in the unit of its name. */
  readonly buckets?: readonly number[];
  readonly from: readonly MetricSource[];
}

/** From the fastest low-latency transfer of a small batch to a training collective that waits for a straggler. */
const COLLECTIVE_BUCKETS = [
  0.00002, 0.00005, 0.0001, 0.00015, 0.0002, 0.0003, 0.0005, 0.00075, 0.001, 0.0015, 0.002, 0.003, 0.005, 0.0075, 0.01,
  0.02, 0.05, 0.1,
] as const;

const RANK = ['rank', 'node'] as const;

/**
 * All metric families there are: registries, `metrics.prom`, the dashboard and the table in docs/metrics.md take names
 * and labels from here. `epemu_virtual_` is time and traffic of the modelled GPUs, `epemu_host_` of these processes;
 * neither is ever added to the other. What is neither has no such word. A rank is labelled here, once: discovery of
 * targets adds no `rank`.
 */
export const METRICS = {
  buildInfo: {
    name: 'epemu_build_info',
    type: 'gauge',
    help: 'Version of epemu and of Node.js; always 1.',
    labels: ['version', 'nodejs'],
    from: ['process', 'report'],
  },
  runInfo: {
    name: 'epemu_run_info',
    type: 'gauge',
    help: 'The run that a process belongs to; always 1.',
    labels: ['run', 'scenario', 'model', 'hardware', 'routing', 'overlap', 'fabric'],
    from: ['process', 'report'],
  },

  virtualTime: {
    name: 'epemu_virtual_time_seconds',
    type: 'gauge',
    help: 'Virtual time that a rank has reached: the last end of a kernel or transfer.',
    labels: RANK,
    from: ['worker'],
  },
  rankSpan: {
    name: 'epemu_virtual_rank_span_seconds',
    type: 'gauge',
    help: 'Virtual time from the first start to the last end of anything on a rank.',
    labels: RANK,
    from: ['worker', 'report'],
  },
  streamBusy: {
    name: 'epemu_virtual_stream_busy_seconds_total',
    type: 'counter',
    help: 'Virtual time in which kernels of a phase ran on a stream; stream network: background transfers.',
    labels: [...RANK, 'stream', 'phase'],
    from: ['worker'],
  },
  compute: {
    name: 'epemu_virtual_compute_seconds_total',
    type: 'counter',
    help: 'Virtual time with compute running on a rank, streams merged.',
    labels: RANK,
    from: ['worker'],
  },
  communication: {
    name: 'epemu_virtual_communication_seconds_total',
    type: 'counter',
    help: 'Virtual time with communication running on a rank, streams and background transfers merged.',
    labels: RANK,
    from: ['worker'],
  },
  exposed: {
    name: 'epemu_virtual_exposed_communication_seconds',
    type: 'gauge',
    help: 'Virtual time with communication and no compute on a rank, as known so far: compute recorded later lowers it.',
    labels: RANK,
    from: ['worker'],
  },
  overlap: {
    name: 'epemu_virtual_overlap_ratio',
    type: 'gauge',
    help: 'Share of a rank’s communication with compute running, as known so far.',
    labels: RANK,
    from: ['worker'],
  },
  dispatch: {
    name: 'epemu_virtual_dispatch_seconds',
    type: 'histogram',
    help: 'Virtual time of a dispatch on a rank, from its first kernel (low latency: its issue) to its last byte.',
    labels: ['node', 'direction'],
    buckets: COLLECTIVE_BUCKETS,
    from: ['worker'],
  },
  combine: {
    name: 'epemu_virtual_combine_seconds',
    type: 'histogram',
    help: 'Virtual time of a combine on a rank, from its first kernel (low latency: its issue) to its last byte.',
    labels: ['node', 'direction'],
    buckets: COLLECTIVE_BUCKETS,
    from: ['worker'],
  },
  linkBytes: {
    name: 'epemu_virtual_link_bytes_total',
    type: 'counter',
    help: 'Modelled bytes that a rank’s ports have served; link as the hardware preset’s ports, direction in or out.',
    labels: [...RANK, 'link', 'direction'],
    from: ['worker'],
  },
  linkSegments: {
    name: 'epemu_virtual_link_segments_total',
    type: 'counter',
    help: 'Modelled messages that a rank’s ports have served, in segments of at most 512 tokens.',
    labels: [...RANK, 'link', 'direction'],
    from: ['worker'],
  },

  receivedTokens: {
    name: 'epemu_received_tokens_total',
    type: 'counter',
    help: 'Distinct tokens that a rank’s experts received, over all forward dispatches.',
    labels: RANK,
    from: ['worker', 'report'],
  },
  expertRows: {
    name: 'epemu_expert_rows_total',
    type: 'counter',
    help: 'Rows (a token at an expert) that a rank’s experts received, over all forward dispatches.',
    labels: RANK,
    from: ['worker', 'report'],
  },
  workerState: {
    name: 'epemu_worker_state',
    type: 'gauge',
    help: 'What a worker is at: 1 for that state, 0 for all others.',
    labels: ['state'],
    from: ['worker'],
  },

  wireBytes: {
    name: 'epemu_host_wire_bytes_total',
    type: 'counter',
    help: 'Bytes of data frames over sockets; direction in or out.',
    labels: ['direction'],
    from: ['worker'],
  },
  messages: {
    name: 'epemu_host_messages_total',
    type: 'counter',
    help: 'Headers and payloads between ranks, those of one process too; direction in or out.',
    labels: ['direction'],
    from: ['worker'],
  },
  frames: {
    name: 'epemu_host_frames_total',
    type: 'counter',
    help: 'WebSocket data frames; direction in or out.',
    labels: ['direction'],
    from: ['worker'],
  },
  creditsTaken: {
    name: 'epemu_host_payload_credits_taken',
    type: 'gauge',
    help: 'Payload credits that senders hold, over all windows.',
    labels: [],
    from: ['worker'],
  },
  payloadsWaiting: {
    name: 'epemu_host_payloads_waiting',
    type: 'gauge',
    help: 'Payloads that wait for a credit at their sender.',
    labels: [],
    from: ['worker'],
  },
  payloadsQueued: {
    name: 'epemu_host_payloads_queued',
    type: 'gauge',
    help: 'Payloads that have been received and not yet released.',
    labels: [],
    from: ['worker'],
  },
  decodeErrors: {
    name: 'epemu_host_decode_errors_total',
    type: 'counter',
    help: 'Frames that broke the protocol; each cost its peer the connection.',
    labels: [],
    from: ['worker'],
  },
  computeThreads: {
    name: 'epemu_host_compute_threads',
    type: 'gauge',
    help: 'Compute threads that run.',
    labels: [],
    from: ['worker'],
  },
  computeTasks: {
    name: 'epemu_host_compute_tasks_total',
    type: 'counter',
    help: 'Batches of arithmetic that compute threads have done.',
    labels: [],
    from: ['worker'],
  },
  computeBusy: {
    name: 'epemu_host_compute_busy_seconds_total',
    type: 'counter',
    help: 'Host time that compute threads spent on them.',
    labels: [],
    from: ['worker'],
  },
  computeQueue: {
    name: 'epemu_host_compute_queued_tasks',
    type: 'gauge',
    help: 'Batches of arithmetic that wait for a compute thread.',
    labels: [],
    from: ['worker'],
  },

  cpu: {
    name: 'epemu_host_cpu_seconds_total',
    type: 'counter',
    help: 'CPU time of a process, all its threads; mode user or system.',
    labels: ['mode'],
    from: ['process'],
  },
  residentMemory: {
    name: 'epemu_host_resident_memory_bytes',
    type: 'gauge',
    help: 'Resident set of a process.',
    labels: [],
    from: ['process'],
  },
  eventLoopDelay: {
    name: 'epemu_host_event_loop_delay_seconds',
    type: 'gauge',
    help: 'How much later than due a process’s event loop turned, since the scrape before; statistic mean, p99 or max.',
    labels: ['statistic'],
    from: ['process'],
  },

  runState: {
    name: 'epemu_run_state',
    type: 'gauge',
    help: 'What a run is at: 1 for that state, 0 for all others.',
    labels: ['state'],
    from: ['coordinator', 'report'],
  },
  runLayers: {
    name: 'epemu_run_layers',
    type: 'gauge',
    help: 'Layers of the run.',
    labels: [],
    from: ['coordinator', 'report'],
  },
  runRanks: {
    name: 'epemu_run_ranks',
    type: 'gauge',
    help: 'Ranks that are wanted, have a worker that offers to hold them, have finished, or were lost with their worker.',
    labels: ['state'],
    from: ['coordinator', 'report'],
  },
  runWorkers: {
    name: 'epemu_run_workers',
    type: 'gauge',
    help: 'Workers that are wanted (until ranks are given out: as planned), have joined, have finished, or were lost.',
    labels: ['state'],
    from: ['coordinator'],
  },
  progress: {
    name: 'epemu_run_progress_ratio',
    type: 'gauge',
    help: 'Share of the program’s operations that the slowest rank has started.',
    labels: [],
    from: ['coordinator'],
  },
  refusedWorkers: {
    name: 'epemu_refused_workers_total',
    type: 'counter',
    help: 'Workers that the coordinator refused: wrong token, wrong version, taken place, no hello.',
    labels: [],
    from: ['coordinator'],
  },
  stageTime: {
    name: 'epemu_host_stage_seconds',
    type: 'gauge',
    help: 'Host time of a run by stage: startup, emulate, merge.',
    labels: ['stage'],
    from: ['coordinator', 'report'],
  },

  imbalance: {
    name: 'epemu_imbalance_ratio',
    type: 'gauge',
    help: 'Rows of a layer’s fullest node, rank or expert over the mean, once the run is merged; of node, rank or expert.',
    labels: ['layer', 'of'],
    from: ['coordinator', 'report'],
  },
  imbalanceWithoutEplb: {
    name: 'epemu_imbalance_without_eplb_ratio',
    type: 'gauge',
    help: 'The same of a run with EPLB, had its experts been dealt out in order without replicas.',
    labels: ['layer', 'of'],
    from: ['coordinator', 'report'],
  },
  unequal: {
    name: 'epemu_unequal_info',
    type: 'gauge',
    help: 'What the configuration makes unequal about ranks and links, in words: always 1.',
    labels: ['what'],
    from: ['coordinator', 'report'],
  },
  runSpan: {
    name: 'epemu_virtual_run_span_seconds',
    type: 'gauge',
    help: 'Virtual time from the first start to the last end over all ranks, once the run is merged.',
    labels: [],
    from: ['coordinator', 'report'],
  },
  runExposed: {
    name: 'epemu_virtual_run_exposed_communication_seconds',
    type: 'gauge',
    help: 'Virtual time with communication and no compute, mean over ranks, once the run is merged.',
    labels: [],
    from: ['coordinator', 'report'],
  },
  runOverlap: {
    name: 'epemu_virtual_run_overlap_ratio',
    type: 'gauge',
    help: 'Share of communication with compute running, mean over ranks, once the run is merged.',
    labels: [],
    from: ['coordinator', 'report'],
  },
  phaseMean: {
    name: 'epemu_virtual_phase_seconds',
    type: 'gauge',
    help: 'Mean wall time of a phase in virtual time, once the run is merged.',
    labels: ['phase'],
    from: ['coordinator', 'report'],
  },
  throughput: {
    name: 'epemu_virtual_run_tokens_per_second',
    type: 'gauge',
    help: 'Tokens a virtual second of the whole model, once the run is merged; per gpu or node.',
    labels: ['per'],
    from: ['coordinator', 'report'],
  },
  runLinkBytes: {
    name: 'epemu_virtual_run_link_bytes_total',
    type: 'counter',
    help: 'Modelled bytes over all out-ports, once the run is merged; link as the hardware preset’s ports.',
    labels: ['link'],
    from: ['coordinator', 'report'],
  },
  checkedTokens: {
    name: 'epemu_checked_tokens_total',
    type: 'counter',
    help: 'Tokens compared with the reference, once the run is merged.',
    labels: [],
    from: ['coordinator', 'report'],
  },
  failedTokens: {
    name: 'epemu_failed_tokens_total',
    type: 'counter',
    help: 'Tokens that did not agree with the reference, once the run is merged; kind missing, duplicated or wrong.',
    labels: ['kind'],
    from: ['coordinator', 'report'],
  },
  runWireBytes: {
    name: 'epemu_host_run_wire_bytes_total',
    type: 'counter',
    help: 'Bytes of data frames over sockets, all workers.',
    labels: [],
    from: ['report'],
  },
  runTime: {
    name: 'epemu_host_run_seconds',
    type: 'gauge',
    help: 'Host time of the whole run.',
    labels: [],
    from: ['report'],
  },
  runMemory: {
    name: 'epemu_host_run_peak_resident_memory_bytes',
    type: 'gauge',
    help: 'Largest resident set of a process of the run.',
    labels: [],
    from: ['report'],
  },
} as const satisfies Record<string, MetricFamily>;

/** How code names a family. */
export type MetricKey = keyof typeof METRICS;
/** Families whose values are set. */
export type ValueKey = { [K in MetricKey]: (typeof METRICS)[K]['type'] extends 'histogram' ? never : K }[MetricKey];
/** Families that observations are added to. */
export type HistogramKey = Exclude<MetricKey, ValueKey>;
/** Labels of a family, all of them. */
export type LabelsOf<K extends MetricKey> = Readonly<Record<(typeof METRICS)[K]['labels'][number], string | number>>;

/** @returns the families that a kind of process or file has, in the catalogue's order. */
export function metricsFrom(...sources: readonly MetricSource[]): MetricKey[] {
  const all = Object.entries(METRICS) as [MetricKey, MetricFamily][];
  return all.filter(([, { from }]) => from.some((source) => sources.includes(source))).map(([key]) => key);
}
