import type { MemoryPart, MemoryUse } from './memory.js';

const NAMES: Readonly<Record<MemoryPart, string>> = {
  expertWeights: 'expert weights',
  otherWeights: 'other weights',
  embedding: 'embedding and head',
  gradients: 'gradients',
  optimiser: 'optimiser state',
  kvCache: 'KV cache',
  activations: 'activations',
  buffers: 'communication buffers',
  reserved: 'reserved',
};

/** What helps where a part is the largest. */
const REMEDIES: Readonly<Record<MemoryPart, string>> = {
  expertWeights: 'use more ranks, or hardware with more memory',
  otherWeights: 'cut the model into stages, or use hardware with more memory',
  embedding: 'use hardware with more memory',
  gradients: 'use fewer layers, that is more stages, or hardware with more memory',
  optimiser: 'use more ranks, or fewer layers, that is more stages',
  kvCache: 'lower the batch or kvLength',
  activations: 'lower the batch',
  buffers: 'lower the batch',
  reserved: 'lower reservedMemoryShare',
};

/** @returns a part's name; the KV cache's with its precision. */
export function memoryPartName(part: MemoryPart, { kvPrecision }: { readonly kvPrecision?: string }): string {
  return part === 'kvCache' && kvPrecision !== undefined ? `KV cache (${kvPrecision})` : NAMES[part];
}

const gb = (value: number): string => `${value.toFixed(1)} GB`;

/** @returns parts of the memory with what they take, the largest first, those that take nothing left out. */
export function memoryParts(memory: MemoryUse): { readonly name: string; readonly gigabytes: number }[] {
  return (Object.keys(NAMES) as MemoryPart[])
    .map((part) => ({ name: memoryPartName(part, memory), gigabytes: memory.gigabytes[part] }))
    .filter(({ gigabytes }) => gigabytes >= 0.005)
    .sort((a, b) => b.gigabytes - a.gigabytes);
}

/** @returns how much of a GPU is full: `74.7 of 84.9 GB`. */
export function memoryTotalText({ gigabytes: { total, capacity } }: MemoryUse): string {
  return capacity === null ? `${gb(total)} of an unknown capacity` : `${total.toFixed(1)} of ${gb(capacity)}`;
}

/** @returns what a GPU holds, in a line: `74.7 of 84.9 GB on a GPU: KV cache (fp8) 36.9, …`. */
export function memoryText(memory: MemoryUse): string {
  const parts = memoryParts(memory).map(({ name, gigabytes }) => `${name} ${gigabytes.toFixed(1)}`);
  const role = memory.role === undefined ? '' : ` of ${memory.role}`;
  return `${memoryTotalText(memory)} on a GPU${role}${memory.fits === false ? ' (does not fit)' : ''}: ${parts.join(', ')}`;
}

/** @returns why a run does not fit, naming the largest part and what to do; undefined where it does, or nobody knows. */
export function memoryProblem(memory: MemoryUse): string | undefined {
  if (memory.fits !== false) return undefined;
  const { largest, gigabytes, kvPrecision, role } = memory;
  const who = role === undefined ? 'a GPU' : `a GPU of ${role}`;
  const what = `the largest part is ${memoryPartName(largest, memory)}, ${gb(gigabytes[largest])}`;
  const smaller = largest === 'kvCache' && kvPrecision === 'bf16' ? ', or set kvPrecision to fp8' : '';
  return (
    `${who} would hold ${gb(gigabytes.total)}, but has ${gb(gigabytes.capacity ?? 0)}; ${what}: ` +
    `${REMEDIES[largest]}${smaller}`
  );
}
