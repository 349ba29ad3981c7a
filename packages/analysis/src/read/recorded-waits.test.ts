import { expect } from 'chai';
import { analysedRanks } from '../trace.test-helper.js';
import type { Item } from '../trace.test-helper.js';
import type { Analysis } from '../analysis.js';

const THREAD = { pid: 90, tid: 90 };
const GPU = { pid: 0, device: 0, context: 1 };

/** A host that calls one thing after the other, 10 µs each, and a GPU that is told of it. */
class Capture {
  readonly events: Item[] = [];
  #now = 0;
  #id = 0;

  kernel(name: string, stream: number, ts: number, dur: number, withLaunch = true): void {
    const correlation = this.#call('cudaLaunchKernel', 5, withLaunch);
    this.events.push({ ph: 'X', cat: 'kernel', name, pid: 0, tid: stream, ts, dur, args: { stream, correlation } });
  }

  record(): number {
    return this.#call('cudaEventRecord', 1);
  }

  wait(stream: number, from: number, event: number): void {
    const correlation = this.#call('cudaStreamWaitEvent', 1);
    this.#sync('Stream Wait Event', stream, from, event, correlation, this.#now, 1);
  }

  /** @param until when the CPU goes on. */
  synchronise(
    kind: 'Event Sync' | 'Stream Sync' | 'Context Sync',
    until: number,
    rest: Partial<Record<string, number>>,
  ): void {
    const correlation = this.#call(`cuda${kind.split(' ')[0]}Synchronize`, until - this.#now - 10);
    this.#sync(kind, rest.stream ?? -1, rest.from ?? -1, rest.event ?? -1, correlation, this.#now, until - this.#now);
    this.#now = until;
  }

  #call(name: string, dur: number, isWritten = true): number {
    this.#now += 10;
    const correlation = ++this.#id;
    const call = { ph: 'X', cat: 'cuda_runtime', name, ...THREAD, ts: this.#now, dur, args: { correlation } };
    if (isWritten) this.events.push(call);
    return correlation;
  }

  #sync(name: string, stream: number, from: number, event: number, correlation: number, ts: number, dur: number): void {
    const args = { stream, wait_on_stream: from, wait_on_cuda_event_record_corr_id: event, correlation };
    this.events.push({ ph: 'X', cat: 'cuda_sync', name, ...GPU, tid: stream, ts, dur, args });
  }
}

async function analysisOf({ events }: Capture): Promise<Analysis> {
  return (await analysedRanks([events])).analysis;
}

const saved = ({ criticalPath }: Analysis, id = 'free-communication'): number =>
  criticalPath!.answers.find((answer) => answer.id === id)!.savedUs;

const NCCL = 'ncclDevKernel_AllReduce_Sum_f32_RING_LL(a)';
const STEPS = [1000, 3000, 5000];

/** Forward, and an all-reduce that waits for it, as PyTorch has it wait. */
function reduce(capture: Capture, at: number, isTold = true): void {
  capture.kernel('forward', 7, at, 500);
  if (isTold) capture.wait(20, 7, capture.record());
  capture.kernel(NCCL, 20, at + 500, 1000);
}

/** Computation that waits for an all-reduce, and begins 100 µs behind its end: too long after it to be told by times. */
function waiting(tell: (capture: Capture, kernel: () => void) => void, isTold = true): Capture {
  const capture = new Capture();
  for (const at of STEPS) {
    reduce(capture, at, isTold);
    tell(capture, () => {
      capture.kernel('optimizer', 7, at + 1600, 300);
    });
  }
  return capture;
}

describe('waits that a trace records', () => {
  it('of streams are what kernels wait for, however long after it they began', async () => {
    const told = await analysisOf(
      waiting((capture, kernel) => {
        const event = capture.record();
        capture.wait(7, 20, event);
        kernel();
      }),
    );
    const untold = await analysisOf(
      waiting((_, kernel) => {
        kernel();
      }, false),
    );
    // Three all-reduces of 1 ms; what passed between its end and the next kernel stays.
    expect(saved(told)).to.be.within(2900, 3100);
    expect([told.untoldKernels, untold.untoldKernels]).to.deep.equal([0, 9]);
  });

  it('are taken over a stream that was given nothing but a wait in between', async () => {
    const analysis = await analysisOf(
      waiting((capture, kernel) => {
        const event = capture.record();
        capture.wait(30, 20, event);
        const forwarded = capture.record();
        capture.wait(7, 30, forwarded);
        kernel();
      }),
    );
    expect(saved(analysis)).to.be.within(2900, 3100);
  });

  it('of the CPU hold up what it launches then', async () => {
    for (const kind of ['Stream Sync', 'Event Sync', 'Context Sync'] as const) {
      const capture = new Capture();
      for (const at of STEPS) {
        capture.kernel('forward', 7, at, 500);
        capture.kernel(NCCL, 20, at + 500, 1000);
        const event = capture.record();
        const rest = kind === 'Stream Sync' ? { stream: 20 } : kind === 'Event Sync' ? { from: 20, event } : {};
        capture.synchronise(kind, at + 1510, rest);
        capture.kernel('optimizer', 7, at + 1600, 300);
      }
      expect(saved(await analysisOf(capture)), kind).to.be.within(2900, 3100);
    }
  });

  it('make kernels that began behind others by chance wait for none', async () => {
    const beside = (isTold: boolean): Capture => {
      const capture = new Capture();
      for (const at of STEPS) {
        reduce(capture, at, isTold);
        capture.kernel('copy', 40, at + 1505, 1400);
      }
      return capture;
    };
    expect(saved(await analysisOf(beside(false)))).to.be.above(900);
    expect(saved(await analysisOf(beside(true)))).to.equal(0);
  });

  it('leave what times tell where a kernel’s launch or the record is not in the file', async () => {
    const capture = new Capture();
    for (const at of STEPS) {
      reduce(capture, at);
      const event = capture.record();
      capture.wait(7, 20, at === STEPS[0] ? event : 0);
      capture.kernel('optimizer', 7, at + 1505, 300, at !== STEPS[1]);
    }
    const analysis = await analysisOf(capture);
    expect(saved(analysis)).to.be.within(2900, 3100);
    // The kernel without its launch, and the next that its stream was given; the last, whose event nobody recorded.
    expect(analysis.untoldKernels).to.equal(3);
  });

  it('that contradict the times of kernels tell of none', async () => {
    const capture = waiting((own, kernel) => {
      kernel();
      const event = own.record();
      own.wait(20, 7, event);
    });
    const ends = await analysisOf(capture);
    expect(ends.criticalPath!.replayedEndUs).to.be.at.most(ends.criticalPath!.measuredEndUs);
  });
});
