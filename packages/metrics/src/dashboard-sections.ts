import { LAST, SHARE, STACKED, WARM, quantile, rate, series } from './dashboard-panel.js';
import type { Section } from './dashboard-panel.js';

const RUN: Section = {
  title: 'Run',
  height: 5,
  panels: [
    {
      type: 'stat',
      title: 'State',
      description: 'What the run is at; it ends as succeeded or failed.',
      unit: 'none',
      width: 4,
      queries: [[`max by (state) (${series('runState')}) == 1`, '{{state}}']],
      defaults: { color: { mode: 'fixed', fixedColor: 'text' } },
      options: { ...LAST, textMode: 'name', colorMode: 'none' },
    },
    {
      type: 'gauge',
      title: 'Progress',
      description: 'Share of the program’s operations that the slowest rank has started.',
      unit: 'percentunit',
      width: 4,
      queries: [[`min(${series('progress')})`, 'slowest rank']],
      defaults: SHARE,
      options: LAST,
    },
    {
      type: 'stat',
      title: 'Ranks',
      description: 'Ranks wanted, with a worker, finished, and lost with their worker.',
      unit: 'none',
      width: 5,
      queries: [[`sum by (state) (${series('runRanks')})`, '{{state}}']],
      options: LAST,
    },
    {
      type: 'stat',
      title: 'Workers',
      description: 'Workers wanted, joined, finished and lost, and how many were refused.',
      unit: 'none',
      width: 6,
      queries: [
        [`sum by (state) (${series('runWorkers')})`, '{{state}}'],
        [`sum(${series('refusedWorkers')})`, 'refused'],
      ],
      options: LAST,
    },
    {
      type: 'bargauge',
      title: 'Host time by stage',
      description:
        'Host time until the ranks started, while they ran, and for merging. It says nothing of virtual time.',
      unit: 's',
      width: 5,
      queries: [[`max by (stage) (${series('stageTime')})`, '{{stage}}']],
      options: LAST,
    },
    {
      type: 'table',
      title: 'Run and versions',
      description: 'What is run, and by which version.',
      unit: 'none',
      width: 12,
      queries: [
        [`max by (run, scenario, model, hardware, routing, overlap, fabric) (${series('runInfo')})`, '{{run}}'],
        [`count by (version, nodejs) (${series('buildInfo')})`, '{{version}}'],
      ],
    },
    {
      type: 'stat',
      title: 'Result',
      description:
        'Span, overlap and exposed communication of the whole run, from its report: known once it is merged.',
      unit: 's',
      width: 6,
      queries: [
        [`max(${series('runSpan')})`, 'span'],
        [`max(${series('runExposed')})`, 'exposed communication'],
      ],
      options: LAST,
    },
    {
      type: 'stat',
      title: 'Throughput of the whole model',
      description: 'Tokens a virtual second, from the report: known once the run is merged.',
      unit: 'short',
      width: 6,
      queries: [[`max by (per) (${series('throughput')})`, 'tokens/s per {{per}}']],
      options: LAST,
    },
  ],
};

const OVERLAP: Section = {
  title: 'Overlap and exposed communication (virtual time)',
  height: 8,
  panels: [
    {
      type: 'timeseries',
      title: 'Communication hidden by compute',
      description:
        'Share of communication with compute running, over all ranks, so far; at the end that of the report.',
      unit: 'percentunit',
      width: 8,
      queries: [
        [`1 - sum(${series('exposed')}) / sum(${series('communication')})`, 'all ranks'],
        [`min(${series('overlap')})`, 'lowest rank'],
        [`max(${series('runOverlap')})`, 'report'],
      ],
      defaults: SHARE,
    },
    {
      type: 'timeseries',
      title: 'Share of the span',
      description: 'What a mean rank’s span was filled with: compute, and communication that no compute hid.',
      unit: 'percentunit',
      width: 8,
      queries: [
        [`sum(${series('compute')}) / sum(${series('rankSpan')})`, 'compute'],
        [`sum(${series('exposed')}) / sum(${series('rankSpan')})`, 'exposed communication'],
      ],
      defaults: { ...SHARE, ...STACKED },
    },
    {
      type: 'timeseries',
      title: 'Exposed communication of the worst ranks',
      description: 'The five ranks with most communication that no compute hid.',
      unit: 's',
      width: 8,
      queries: [[`topk(5, max by (rank) (${series('exposed')}))`, 'rank {{rank}}']],
    },
  ],
};

const PHASES: Section = {
  title: 'Phases and collectives (virtual time)',
  height: 9,
  panels: [
    {
      type: 'bargauge',
      title: 'Busy time by phase',
      description: 'Time that each phase kept its stream busy, mean over ranks; network: background transfers.',
      unit: 's',
      width: 8,
      queries: [[`sort_desc(avg by (phase, stream) (${series('streamBusy')}))`, '{{phase}} (stream {{stream}})']],
      options: { ...LAST, orientation: 'horizontal', displayMode: 'basic' },
    },
    {
      type: 'timeseries',
      title: 'Dispatch',
      description: 'Median and 99th percentile of a dispatch on a rank, over all since the start.',
      unit: 's',
      width: 8,
      queries: [
        [quantile(0.5, 'dispatch'), '{{direction}}, median'],
        [quantile(0.99, 'dispatch'), '{{direction}}, p99'],
      ],
    },
    {
      type: 'timeseries',
      title: 'Combine',
      description: 'Median and 99th percentile of a combine on a rank, over all since the start.',
      unit: 's',
      width: 8,
      queries: [
        [quantile(0.5, 'combine'), '{{direction}}, median'],
        [quantile(0.99, 'combine'), '{{direction}}, p99'],
      ],
    },
    {
      type: 'bargauge',
      title: 'Mean wall time of a phase',
      description: 'From the report: known once the run is merged.',
      unit: 's',
      width: 24,
      queries: [[`sort_desc(max by (phase) (${series('phaseMean')}))`, '{{phase}}']],
      options: { ...LAST, orientation: 'vertical', displayMode: 'basic' },
    },
  ],
};

const RANKS: Section = {
  title: 'Ranks (virtual time)',
  height: 14,
  panels: [
    {
      type: 'status-history',
      title: 'How far a rank is behind',
      description: 'Virtual time between a rank and the one that has come furthest: who holds the others up.',
      unit: 's',
      width: 12,
      queries: [[`max by (rank) (scalar(max(${series('virtualTime')})) - ${series('virtualTime')})`, 'rank {{rank}}']],
      defaults: WARM,
      options: { showValue: 'never', rowHeight: 0.9, legend: { showLegend: false } },
    },
    {
      type: 'status-history',
      title: 'Share of a rank’s span that is exposed communication',
      description: 'Communication with no compute, of each rank’s own span.',
      unit: 'percentunit',
      width: 12,
      queries: [[`max by (rank) (${series('exposed')} / (${series('rankSpan')} > 0))`, 'rank {{rank}}']],
      defaults: WARM,
      options: { showValue: 'never', rowHeight: 0.9, legend: { showLegend: false } },
    },
  ],
};

const TRAFFIC: Section = {
  title: 'Traffic',
  height: 8,
  panels: [
    {
      type: 'timeseries',
      title: 'Modelled bytes',
      description: 'Bytes that left the modelled GPUs by RDMA and by NVLink since the start.',
      unit: 'bytes',
      width: 6,
      queries: [[`sum by (link) (${series('linkBytes', { direction: 'out' })})`, '{{link}}']],
    },
    {
      type: 'timeseries',
      title: 'Modelled bandwidth of a rank',
      description: 'Bytes out over the span in virtual time, mean over ranks: compare it with the preset’s ports.',
      unit: 'Bps',
      width: 6,
      queries: [
        [
          `avg by (link) (${series('linkBytes', { direction: 'out' })} / on (job, instance, rank) group_left () (${series('rankSpan')} > 0))`,
          '{{link}}',
        ],
      ],
    },
    {
      type: 'timeseries',
      title: 'Modelled segments',
      description: 'Pieces of messages, of at most 512 tokens, that ports have sent.',
      unit: 'short',
      width: 6,
      queries: [[`sum by (link) (${series('linkSegments', { direction: 'out' })})`, '{{link}}']],
    },
    {
      type: 'timeseries',
      title: 'Sockets',
      description: 'Bytes that really went over sockets, a host second.',
      unit: 'Bps',
      width: 6,
      queries: [[`sum by (direction) (${rate('wireBytes')})`, '{{direction}}']],
    },
    {
      type: 'timeseries',
      title: 'Messages and frames',
      description: 'Messages between ranks and frames that carried them, a host second.',
      unit: 'ops',
      width: 12,
      queries: [
        [`sum by (direction) (${rate('messages')})`, 'messages {{direction}}'],
        [`sum by (direction) (${rate('frames')})`, 'frames {{direction}}'],
      ],
    },
    {
      type: 'stat',
      title: 'Traffic of the run',
      description: 'Modelled bytes from the report: known once the run is merged.',
      unit: 'bytes',
      width: 12,
      queries: [[`max by (link) (${series('runLinkBytes')})`, '{{link}}']],
      options: LAST,
    },
  ],
};

const IMBALANCE: Section = {
  title: 'Imbalance of routing',
  height: 8,
  panels: [
    {
      type: 'timeseries',
      title: 'Rows of the fullest rank over the mean',
      description: '1 is balance. Rows are (token, expert) pairs, over all forward dispatches so far.',
      unit: 'short',
      width: 6,
      queries: [[`max(${series('expertRows')}) / (avg(${series('expertRows')}) > 0)`, 'ranks']],
    },
    {
      type: 'bargauge',
      title: 'Tokens and rows by rank',
      description: 'Distinct tokens and rows that each rank’s experts received.',
      unit: 'short',
      width: 6,
      queries: [
        [`max by (rank) (${series('receivedTokens')})`, 'tokens, rank {{rank}}'],
        [`max by (rank) (${series('expertRows')})`, 'rows, rank {{rank}}'],
      ],
      options: { ...LAST, orientation: 'vertical', displayMode: 'basic' },
    },
    {
      type: 'bargauge',
      title: 'Imbalance by layer',
      description: 'Fullest rank and fullest expert over the mean, from the report: known once the run is merged.',
      unit: 'short',
      width: 6,
      queries: [
        [`max by (layer, of) (${series('imbalance')})`, 'layer {{layer}}, {{of}}'],
        [`max by (layer, of) (${series('imbalanceWithoutEplb')})`, 'layer {{layer}}, {{of}} without EPLB'],
      ],
      options: { ...LAST, orientation: 'vertical', displayMode: 'basic' },
    },
    {
      type: 'bargauge',
      title: 'Made unequal',
      description: 'What the configuration makes unequal about ranks and links, from the report.',
      unit: 'short',
      width: 6,
      queries: [[`max by (what) (${series('unequal')})`, '{{what}}']],
      options: { ...LAST, orientation: 'vertical', displayMode: 'basic' },
    },
  ],
};

const HOST: Section = {
  title: 'Host health (host time)',
  height: 7,
  panels: [
    {
      type: 'timeseries',
      title: 'CPU',
      description: 'Cores that each process keeps busy.',
      unit: 'short',
      width: 6,
      queries: [[`sum by (instance) (${rate('cpu')})`, '{{instance}}']],
      defaults: STACKED,
    },
    {
      type: 'timeseries',
      title: 'Resident memory',
      description: 'Of each process.',
      unit: 'bytes',
      width: 6,
      queries: [[series('residentMemory'), '{{instance}}']],
      defaults: STACKED,
    },
    {
      type: 'timeseries',
      title: 'Event loop delay',
      description: 'How much later than due a process’s event loop turned, at worst, since the scrape before.',
      unit: 's',
      width: 6,
      queries: [[series('eventLoopDelay', { statistic: 'max' }), '{{instance}}']],
    },
    {
      type: 'timeseries',
      title: 'Compute threads',
      description: 'Threads busy with arithmetic, and threads that run.',
      unit: 'short',
      width: 6,
      queries: [
        [`sum(${rate('computeBusy')})`, 'busy'],
        [`sum(${series('computeThreads')})`, 'threads'],
      ],
    },
    {
      type: 'timeseries',
      title: 'Compute tasks',
      description: 'Batches of arithmetic done a host second, and batches that wait.',
      unit: 'ops',
      width: 6,
      queries: [
        [`sum(${rate('computeTasks')})`, 'done'],
        [`sum(${series('computeQueue')})`, 'waiting'],
      ],
    },
    {
      type: 'timeseries',
      title: 'Payloads and credits',
      description:
        'Credits that senders hold, payloads received and not yet released, and payloads that wait for a credit.',
      unit: 'short',
      width: 6,
      queries: [
        [`sum(${series('creditsTaken')})`, 'credits taken'],
        [`sum(${series('payloadsQueued')})`, 'queued at receivers'],
        [`sum(${series('payloadsWaiting')})`, 'waiting for credit'],
      ],
    },
    {
      type: 'stat',
      title: 'Errors',
      description: 'Frames that broke the protocol, and tokens that did not agree with the reference (once merged).',
      unit: 'none',
      width: 6,
      queries: [
        [`sum(${series('decodeErrors')})`, 'decode errors'],
        [`sum(${series('failedTokens')})`, 'failed tokens'],
        [`sum(${series('checkedTokens')})`, 'checked tokens'],
      ],
      options: LAST,
    },
    {
      type: 'status-history',
      title: 'Workers by state',
      description: 'How many workers are at each state.',
      unit: 'none',
      width: 6,
      queries: [[`sum by (state) (${series('workerState')})`, '{{state}}']],
      options: { showValue: 'auto', rowHeight: 0.9, legend: { showLegend: false } },
    },
  ],
};

/** The dashboard's panels, from top to bottom. */
export const SECTIONS: readonly Section[] = [RUN, OVERLAP, PHASES, RANKS, TRAFFIC, IMBALANCE, HOST];
