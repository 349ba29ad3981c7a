/** Categories of what runs on a GPU's streams: those of PyTorch, and behind them those of its versions before 1.12. */
const GPU_WORK: ReadonlySet<string> = new Set(['kernel', 'gpu_memcpy', 'gpu_memset', 'Kernel', 'Memcpy', 'Memset']);
/** Categories of the host's calls: of CUDA and HIP, of other devices by their own names, and of versions before 1.12. */
const HOST_CALL = /^(?:(?:cuda|hip|xpu|mtia|privateuse1)_(?:runtime|driver)|Runtime)$/;

/** @returns whether an event of this category is work of a GPU. */
export function isGpuCategory(cat: string | undefined): boolean {
  return cat !== undefined && GPU_WORK.has(cat);
}

/** @returns whether an event of this category is a call of the host that may put work on a stream. */
export function isCallCategory(cat: string | undefined): boolean {
  return cat !== undefined && HOST_CALL.test(cat);
}

/** @returns a time or a duration of an event, a number or a number as text; undefined where it is neither. */
export function eventTime(value: unknown): number | undefined {
  if (typeof value === 'number') return Number.isFinite(value) ? value : undefined;
  if (typeof value !== 'string' || value.trim() === '') return undefined;
  const time = Number(value);
  return Number.isFinite(time) ? time : undefined;
}
