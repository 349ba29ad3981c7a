import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { KernelCatalogue, builtInKernelLists, evenWork } from '@epemu/kernels';
import type { KernelLists } from '@epemu/kernels';
import { loadModel } from '@epemu/presets';
import type { HardwarePreset } from '@epemu/presets';

type Event = Readonly<Record<string, unknown>>;

const MODEL = loadModel('deepseek-v3');
const TOKENS = 4096;
const PAIRS = (TOKENS * (TOKENS + 1)) / 2;
const [COMPUTE_SMS, COMMUNICATION_SMS] = [112, 20];
/** Notifies and transfers, whose times come from other ranks. */
const COLLECTIVE_US = 3000;

/** How a made-up trace says which phase a kernel belongs to. */
export type PhaseMarks = 'host' | 'gpu' | 'args';

/** Makes traces of kernels that take exactly what a preset says. */
export class SyntheticTrace {
  readonly events: Event[] = [];
  #now = 1_000;
  #correlation = 0;
  #operation = 0;
  readonly #catalogue: KernelCatalogue;

  constructor(hardware: HardwarePreset, lists: KernelLists = builtInKernelLists(MODEL)) {
    this.#catalogue = new KernelCatalogue(hardware, lists, {
      model: MODEL,
      ranks: 64,
      expertRanks: 64,
      nodeSize: 8,
      gpuSms: hardware.gpu.sms,
      computeSms: COMPUTE_SMS,
      communicationSms: COMMUNICATION_SMS,
      dispatchBytes: MODEL.bytesPerToken.dispatch,
      combineBytes: MODEL.bytesPerToken.combine,
    });
  }

  /** Adds a run of a phase with even routing, one kernel after the other. */
  phase(list: string, marks: PhaseMarks = 'host', name = list): this {
    const { sizes } = this.#catalogue;
    const work = this.#catalogue.sizesOf(evenWork(sizes, TOKENS, PAIRS));
    const from = this.#now;
    this.#operation++;
    const kernels = this.#catalogue.kernels(list);
    const stream = kernels.some(({ role }) => role !== undefined) ? 27 : 7;
    for (const kernel of kernels) {
      const us = kernel.role === undefined ? kernel.durationNs(work, COMPUTE_SMS) / 1000 : COLLECTIVE_US;
      this.kernel(kernel.name, us, {
        stream,
        grid: kernel.grid(TOKENS, PAIRS),
        block: kernel.block,
        ...(marks === 'args' ? { phase: name, operation: this.#operation } : {}),
      });
    }
    const range = { ph: 'X', name, ts: from, dur: this.#now - from };
    const id = { args: { 'External id': this.#operation } };
    if (marks === 'host') this.events.push({ ...range, ...id, cat: 'user_annotation', pid: 100, tid: 100 });
    if (marks === 'gpu') this.events.push({ ...range, ...id, cat: 'gpu_user_annotation', pid: 0, tid: stream });
    return this;
  }

  /** Adds a kernel and its launch, which is on another thread than annotations are, as autograd's are. */
  kernel(name: string, us: number, args: Readonly<Record<string, unknown>> = {}): this {
    const correlation = ++this.#correlation;
    const tid = args['stream'] ?? 7;
    const launch = { ph: 'X', cat: 'cuda_runtime', name: 'cudaLaunchKernel', pid: 100, tid: 101 };
    this.events.push({ ...launch, ts: this.#now, dur: 0, args: { correlation } });
    const kernel = { ph: 'X', cat: 'kernel', name, pid: 0, tid, ts: this.#now, dur: us };
    this.events.push({ ...kernel, args: { device: 0, correlation, ...args } });
    this.#now += us + 1;
    return this;
  }

  /** Adds an operator recorded with shapes. */
  operator(id: number, name: string, dims: unknown, types: unknown): this {
    const args = { 'External id': id, 'Input Dims': dims, 'Input type': types };
    this.events.push({ ph: 'X', cat: 'cpu_op', name, pid: 100, tid: 100, ts: this.#now, dur: 1, args });
    return this;
  }

  /** Text of the file, of a job of 64 ranks. */
  json(metadata: Readonly<Record<string, unknown>> = { distributedInfo: { world_size: 64 } }): string {
    return JSON.stringify({ schemaVersion: 1, ...metadata, traceEvents: this.events });
  }
}

/** Writes a file, hands its path to a test, and removes it. */
export async function withFile<T>(
  name: string,
  content: string | Buffer,
  use: (path: string) => Promise<T>,
): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'epemu-calibration-'));
  try {
    const path = join(folder, name);
    await writeFile(path, content);
    return await use(path);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
