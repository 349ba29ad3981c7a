import { join } from 'node:path';
import { expect } from 'chai';
import { readTrace, RunTrace, writeRankTrace } from '@epemu/trace';
import type { TraceEvent } from '@epemu/trace';
import { resolveConfiguration } from '@epemu/config';
import type { Configuration } from '@epemu/config';
import { describeRun } from '@epemu/outputs';
import { small, smallFlags } from './support/configuration.js';
import { runLocally } from './support/local-run.js';
import type { LocalRun } from './support/local-run.js';
import { TemporaryFolder } from './support/temporary.js';

const GPU_CATEGORIES = ['kernel', 'gpu_memset', 'gpu_memcpy'];

const argOf = (event: TraceEvent, key: string): number => Number(event.args?.[key]);
const byTime = (a: TraceEvent, b: TraceEvent): number => a.ts! - b.ts!;

/** What a trace tells of a kernel's start: what Holistic Trace Analysis' critical path goes by. */
class Starts {
  readonly kernels: readonly TraceEvent[];
  readonly waits: readonly TraceEvent[];
  readonly #calls: ReadonlyMap<number, TraceEvent>;
  /** Calls that launch, as the CPU makes them. */
  readonly #launches: readonly TraceEvent[];
  readonly #kernelOf: ReadonlyMap<number, TraceEvent>;

  constructor(readonly events: readonly TraceEvent[]) {
    this.kernels = events.filter(({ ph, cat }) => ph === 'X' && GPU_CATEGORIES.includes(cat ?? ''));
    this.waits = events.filter(({ name, cat }) => cat === 'cuda_sync' && name === 'Stream Wait Event');
    const calls = events.filter(({ cat }) => cat === 'cuda_runtime');
    this.#calls = new Map(calls.map((call) => [argOf(call, 'correlation'), call]));
    this.#kernelOf = new Map(this.kernels.map((kernel) => [argOf(kernel, 'correlation'), kernel]));
    this.#launches = calls.filter((call) => this.#kernelOf.has(argOf(call, 'correlation'))).sort(byTime);
  }

  /** The kernel that a stream was given last before a call, as analysers find what an event was recorded behind. */
  before(correlation: number, stream: number): TraceEvent {
    const { ts } = this.#calls.get(correlation)!;
    return this.#launched(
      this.#launches.filter((launch) => launch.ts! < ts!),
      stream,
    ).at(-1)!;
  }

  /** The kernel that a stream was given next after a call. */
  after(correlation: number, stream: number): TraceEvent {
    const { ts } = this.#calls.get(correlation)!;
    return this.#launched(
      this.#launches.filter((launch) => launch.ts! > ts!),
      stream,
    )[0];
  }

  #launched(launches: readonly TraceEvent[], stream: number): TraceEvent[] {
    return launches
      .map((launch) => this.#kernelOf.get(argOf(launch, 'correlation'))!)
      .filter(({ tid }) => tid === stream);
  }

  /** When each kernel could start by the trace alone, ns: after its launch, its stream, and whatever the stream waited for. */
  earliest({ kernelGapNs, host }: { kernelGapNs: number; host: { launchLatencyNs: number } }): Map<TraceEvent, number> {
    const earliest = new Map<TraceEvent, number>();
    const lastOnStream = new Map<unknown, number>();
    for (const kernel of [...this.kernels].sort((a, b) => argOf(a, 'correlation') - argOf(b, 'correlation'))) {
      const free = lastOnStream.get(kernel.tid) ?? Number.NEGATIVE_INFINITY;
      earliest.set(kernel, Math.max(free + kernelGapNs, argOf(kernel, 'launch ns') + host.launchLatencyNs));
      lastOnStream.set(kernel.tid, argOf(kernel, 'end ns'));
    }
    for (const wait of this.waits) {
      const source = this.before(argOf(wait, 'wait_on_cuda_event_record_corr_id'), argOf(wait, 'wait_on_stream'));
      const waiting = this.after(argOf(wait, 'correlation'), argOf(wait, 'stream'));
      earliest.set(waiting, Math.max(earliest.get(waiting)!, argOf(source, 'end ns') + kernelGapNs));
    }
    return earliest;
  }
}

const example = (name: string): Configuration =>
  resolveConfiguration({ scenario: join('examples', `${name}.yaml`), flags: { fabric: 'memory', threads: 1 } });

/** A CPU so fast that a launching call would fill the time until the next. */
const fast = (): Configuration =>
  resolveConfiguration({
    scenario: 'train',
    flags: smallFlags('train'),
    settings: ['hardware.host.kernelLaunchNs=5000', 'hardware.host.launchLatencyNs=5000'],
  });

const RUNS: Readonly<Record<string, () => Configuration>> = {
  'a training': () => small('train'),
  'a training that a fast CPU launches': fast,
  'a prefill': () => small('prefill'),
  'a pipeline of training': () => example('pipeline-training'),
  'a pipeline of two stages': () => example('two-stage-pipeline'),
};

for (const [name, configure] of Object.entries(RUNS)) {
  describe(`waits in the traces of ${name}`, () => {
    const temporary = new TemporaryFolder();
    let local: LocalRun;
    let traces: Starts[];

    before(async () => {
      local = await runLocally(configure());
      const trace = new RunTrace(describeRun('syncs', local.configuration), local.program);
      traces = [];
      for (const rank of [0, local.timelines.length - 1]) {
        const path = join(temporary.path, `${rank}.json`);
        await writeRankTrace(path, trace, local.timelines[rank]);
        traces.push(new Starts((await readTrace(path)).events));
      }
    });
    after(() => {
      temporary.remove();
    });

    it('are of kernels of other streams, which have ended before what waits for them starts', () => {
      for (const trace of traces) {
        expect(trace.waits).to.not.be.empty;
        for (const wait of trace.waits) {
          const source = trace.before(argOf(wait, 'wait_on_cuda_event_record_corr_id'), argOf(wait, 'wait_on_stream'));
          const waiting = trace.after(argOf(wait, 'correlation'), argOf(wait, 'stream'));
          expect(source.tid).to.not.equal(waiting.tid);
          expect(argOf(source, 'end ns')).to.be.at.most(argOf(waiting, 'start ns'));
        }
      }
    });

    it('are called behind what they wait for, each in a call of its own on a CPU that does one thing at a time', () => {
      for (const { events } of traces) {
        const calls = events.filter(({ cat }) => cat === 'cuda_runtime').sort(byTime);
        const ids = calls.map((call) => argOf(call, 'correlation'));
        expect(ids).to.deep.equal([...ids].sort((a, b) => a - b));
        for (const [place, { ts, dur }] of calls.slice(0, -1).entries()) {
          expect(ts! + dur!).to.be.at.most(calls[place + 1].ts!);
        }
      }
    });

    it('tell, with launches and streams, when each kernel starts, to the nanosecond', () => {
      for (const trace of traces) {
        for (const [kernel, earliest] of trace.earliest(local.configuration.hardware)) {
          expect(argOf(kernel, 'start ns'), kernel.name).to.equal(earliest);
        }
      }
    });
  });
}
