import type { FileCollector } from './collector.js';

const RECORD = 'record it with ProfilerActivity.CUDA';
const NOT_READ = 'it is not read: give what PyTorch’s profiler writes';

/** @returns what a file without one kernel that can be read is, as far as its events tell, and what to do. */
export function withoutKernels({ events, untimed, processNames, uncategorised, cpuEvents }: FileCollector): string {
  if (untimed !== undefined) {
    const { count, index, name } = untimed;
    const what = `has no kernels with usable times: each needs "ph": "X", "ts", and "dur" of 0 or more`;
    const pairs = untimed.pairs === count ? '; all of them are begun by "ph": "B", which is not read' : '';
    return `${what} (event ${index}, ${name})${pairs}; record it again`;
  }
  const processes = [...processNames.values()];
  if (
    processes.some((name) => /ascend|\bcann\b|\bhccl\b/i.test(name)) ||
    uncategorised.some((name) => /^h(?:com_|ccl)/i.test(name))
  )
    return `has no kernels of a GPU: it is a trace of Ascend NPUs (msprof, torch_npu), whose tasks have no "cat"; ${NOT_READ}`;
  if (processes.some((name) => /^\/(?:device|host):/.test(name)))
    return `has no kernels with "cat": "kernel": it is a trace of XLA (JAX or TensorFlow); ${NOT_READ}`;
  if (events === 0) return `has no events; ${RECORD}`;
  if (cpuEvents > 0) return `has no kernels: it was recorded of the host alone; ${RECORD}`;
  return `has no kernels: none of its "traceEvents" has "cat": "kernel"; ${RECORD}`;
}
