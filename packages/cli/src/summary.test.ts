import type { RunOutcome } from '@epemu/cluster';
import type { Report } from '@epemu/outputs';
import { STATEMENT } from '@epemu/trace';
import { EpemuError, RankFailedError } from '@epemu/core';
import { expect } from 'chai';
import { failureText } from './failure-block.js';
import { summaryText } from './summary.js';

type Timeline = NonNullable<Report['timeline']>;

function timeline(parts: Partial<Timeline>): Timeline {
  const zero = {
    ...{
      spanUs: 0,
      rankSpanUs: 0,
      layerUs: { mean: 0, min: 0, max: 0 },
      computeUs: 0,
      commUs: 0,
      idleUs: 0,
      computeBusyPct: 0,
    },
    ...{ commBusyPct: 0, idlePct: 0, overlapPct: 0, exposedCommUs: 0, exposedCommPct: 0, exposedCommPctOfComm: 0 },
    ...{ serialUs: 0, overlapGain: 0 },
  };
  return { ...zero, kernelsOnly: zero, ...parts };
}

const REPORT: Report = {
  schema: 'epemu-report/1',
  epemuVersion: '0.1.0',
  scenario: 'decode',
  ranks: 16,
  nodes: 2,
  layers: 4,
  seed: 1,
  routing: 'balanced',
  overlap: 'full',
  fabric: 'websocket',
  ranksPerWorker: 8,
  status: 'ok',
  statement: STATEMENT,
  digest: 'abc123',
  timeline: timeline({ spanUs: 12_345.6, overlapPct: 87.654, exposedCommPct: 3.21, overlapGain: 1.4567 }),
  steady: timeline({ spanUs: 4321, layerUs: { mean: 2160.5, min: 0, max: 0 }, idlePct: 9.87 }),
  phases: [
    {
      name: 'MLP(0)',
      stream: 7,
      kind: 'computation',
      count: 4,
      meanUs: 111.1,
      minUs: 99.9,
      maxUs: 122.2,
      busyUs: 100,
      exposedUs: 0,
    },
    {
      name: 'DISPATCH(0)',
      stream: null,
      kind: 'network',
      count: 4,
      meanUs: 222.2,
      minUs: 1,
      maxUs: 333.3,
      busyUs: 222,
      exposedUs: 44.4,
    },
  ],
  kernels: [],
  notifyPctOfComm: 0,
  ranksSummary: [0, 1].map((rank) => ({
    ...{ rank, spanUs: 12_000, computeBusyPct: 80, exposedCommPct: 3, receivedTokens: 9, expertRows: 11 },
    expertRowsOfDispatch: { mean: 11, min: 11, max: 11 },
  })),
  steps: [],
  imbalance: [],
  unequal: [],
  throughput: { tokensPerSecondPerGpu: 2098.4, tokensPerSecondPerNode: 16_786.9, stepMs: 61.004, tpotMs: 61.004 },
  traffic: { rdmaBytes: 2.5e9, nvlinkBytes: 1.25e9, links: [], wireMessages: 4096, wireBytes: 3.1e7 },
  memory: {
    ...{ fits: true, largest: 'kvCache', kvPrecision: 'fp8' },
    gigabytes: {
      ...{ expertWeights: 5.1, otherWeights: 16.4, embedding: 3.7, gradients: 0, optimiser: 0, kvCache: 36.9 },
      ...{ activations: 2.2, buffers: 1.9, reserved: 8.5, total: 74.7, capacity: 84.9 },
    },
  },
  numerics: { tokensChecked: 640, chainsChecked: 16, missing: 0, duplicated: 0, wrong: 0, maxRelativeError: 2.34e-6 },
  host: {
    ...{ wallSeconds: 7.89, startupSeconds: 1.23, emulateSeconds: 4.56, mergeSeconds: 2.1, messagesPerSecond: 900 },
    ...{ peakRssBytes: 1.23e8, coordinatorPeakRssBytes: 1e8, wireFrames: 1, traceEvents: 1, traceBytesUnpacked: 1 },
    processes: 3,
  },
  calibration: [],
  finding: 'The largest exposed piece is 44 µs of DISPATCH(0).',
};

function summary(parts: Partial<Report> = {}): string {
  return summaryText({ folder: 'runs/it', report: { ...REPORT, ...parts } });
}

describe('the summary of a run', () => {
  const text = summary();
  /** The line that begins with a word, its columns parted by one space. */
  const line = (word: string, of = text): string | undefined =>
    of
      .split('\n')
      .map((each) => each.trim().replace(/\s+/g, ' '))
      .find((each) => each.startsWith(word));

  it('begins with what was run and where', () => {
    expect(text.split('\n')[0]).to.equal(
      'decode: 16 ranks on 2 nodes, 4 layers, balanced routing, websocket fabric (2 workers of 8)',
    );
    expect(summary({ fabric: 'memory' })).to.include('memory fabric (one process)');
  });

  it('has the figures of the steady layers first, beside those of the whole run', () => {
    expect(line('span')).to.equal('span 4321 µs 12.35 ms');
    expect(line('layer')).to.equal('layer (mean) 2161 µs 0 µs');
    expect(line('overlap ')).to.equal('overlap 0.00 % 87.65 %');
    expect(line('exposed')).to.equal('exposed communication 0.00 % 3.21 %');
    expect(line('idle')).to.equal('idle 9.87 % 0.00 %');
    expect(line('overlap gain')).to.equal('overlap gain 0.000 1.457');
  });

  it('has a row for each phase', () => {
    expect(line('MLP(0)')).to.equal('MLP(0) 111 µs 99.9 µs 122 µs 0 µs');
    expect(line('DISPATCH(0)')).to.equal('DISPATCH(0) 222 µs 1.0 µs 333 µs 44.4 µs');
  });

  it('has all published figures that apply, the worst first', () => {
    const row = (index: number): Report['calibration'][number] => ({
      ...{ id: `figure-${index}`, group: 'train', what: '', unit: 'us', published: 100, emulated: 100 + index },
      ...{ errorPct: index, tolerance: { kind: 'percent', value: 5 }, withinTolerance: index <= 5, use: 'held-out' },
      source: 'a trace',
    });
    const few = summary({ calibration: [row(1), row(7)] });
    expect(line('figure-7', few)).to.equal('figure-7 100 µs 107 µs +7.0 % 5 % MISS held-out');
    expect(few.indexOf('figure-7')).to.be.below(few.indexOf('figure-1'));
    expect(line('published', few)).to.equal('published in a trace');
    const many = summary({ calibration: Array.from({ length: 20 }, (_, index) => row(index)) });
    expect(many.match(/figure-\d+/g)).to.have.lengthOf(20);
    expect(text).not.to.include('published');
  });

  it('has throughput, traffic, numerics, host, digest and the trace’s path', () => {
    expect(line('throughput')).to.include('16787 tokens/s/node, step 61.00 ms');
    expect(line('traffic')).to.include('2.50 GB RDMA, 1.25 GB NVLink modelled; 4096 messages, 0.03 GB on sockets');
    expect(line('traffic', summary({ fabric: 'memory' }))).to.include('4096 messages, none on sockets');
    expect(line('numerics')).to.equal(
      'numerics ok: 640 tokens checked, 16 followed through all layers, largest relative error 2.3e-6',
    );
    expect(line('host')).to.equal('host 7.9 s (start 1.2, emulate 4.6, merge 2.1), 3 processes, largest 123 MB');
    expect(line('digest')).to.equal('digest abc123');
    expect(line('trace')).to.include('runs/it/trace.json.gz');
  });

  it('has what a GPU holds, the largest part first, with the precision of the KV cache', () => {
    expect(line('GPU memory')).to.match(
      /^GPU memory 74.7 of 84.9 GB on a GPU: KV cache \(fp8\) 36.9, other weights 16.4, /,
    );
    const { gigabytes } = REPORT.memory;
    const full = summary({ memory: { ...REPORT.memory, fits: false, gigabytes: { ...gigabytes, total: 90 } } });
    expect(line('GPU memory', full)).to.include('90.0 of 84.9 GB on a GPU (does not fit): ');
  });

  it('says what is real and what is modelled, and ends with the finding', () => {
    expect(text).to.include(`real        ${STATEMENT.real}\nmodelled    ${STATEMENT.modelled}\n`);
    expect(text.endsWith(`\n\n${String(REPORT.finding)}\n`)).to.equal(true);
  });

  it('says when tokens were wrong, and when none was checked', () => {
    const { numerics } = REPORT;
    const wrong = summary({ numerics: { ...numerics, missing: 1, duplicated: 2, wrong: 3 } });
    expect(line('numerics', wrong)).to.include('6 FAILED');
    expect(line('numerics', summary({ numerics: { ...numerics, tokensChecked: 0 } }))).to.include('not checked');
  });

  it('has a row for each of several steps, and none for one', () => {
    const other = { step: 0, spanUs: 6757.6, layerUs: { mean: 1791.3, min: 1, max: 2 }, exposedCommPct: 12.658 };
    const step = { ...other, kvLength: 4096 };
    expect(summary({ steps: [step] })).to.not.match(/^step /m);
    expect(line('0', summary({ steps: [step, { ...step, step: 1 }] }))).to.match(/^0 +4096 +6758 µs +1791 µs +12.66 %/);
    expect(line('1', summary({ steps: [other, { ...other, step: 1 }] }))).to.match(/^1 +6758 µs/);
  });

  it('does without figures where a run has none', () => {
    const bare = summary({ timeline: null, steady: null, throughput: null, digest: null, finding: null, phases: [] });
    expect(bare).to.include('digest      none: the run is not complete').and.not.include('throughput');
  });
});

describe('the block of a failed run', () => {
  function failure(error: EpemuError): string {
    const outcome: RunOutcome = { folder: 'runs/it', report: { ...REPORT, status: 'failed' }, error };
    return failureText(outcome);
  }

  it('names rank, pid, signal, layer and phase, and what is left of the run', () => {
    const detail = { ranks: [5], pid: 4711, signal: 'SIGKILL', layer: 2, phase: 'wait COMBINE(0)' };
    const error = new RankFailedError('rank 5 (pid 4711) was killed by SIGKILL in wait COMBINE(0) of layer 2', detail);
    expect(failure(error).split('\n')).to.deep.equal([
      'epemu: the run failed: rank 5 (pid 4711) was killed by SIGKILL in wait COMBINE(0) of layer 2',
      '  rank        5',
      '  pid         4711',
      '  signal      SIGKILL',
      '  layer       2',
      '  phase       wait COMBINE(0)',
      '  outputs     runs/it (marked failed; 2 of 16 ranks handed over what they had)',
      '',
    ]);
  });

  it('names all ranks of a worker and its exit status, layer 0 and status 0 too', () => {
    const text = failure(new RankFailedError('gone', { ranks: [8, 9], pid: 1, exitStatus: 0, layer: 0 }));
    expect(text).to.include('  rank        8, 9\n').and.include('  exit status 0\n').and.include('  layer       0\n');
    expect(text).not.to.match(/signal|phase/);
  });

  it('leaves out what is not known, and everything where no rank failed', () => {
    expect(failure(new RankFailedError('gone', { ranks: [] })).split('\n')).to.have.lengthOf(3);
    expect(failure(new EpemuError('numerics failed')).split('\n')).to.have.lengthOf(3);
  });

  it('is empty for a run that did not fail', () => {
    expect(failureText({ folder: 'runs/it', report: REPORT })).to.equal('');
  });
});
