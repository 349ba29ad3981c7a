import { MEMORY_PARTS, memoryPartName } from '@epemu/config';
import type { MemoryPart } from '@epemu/config';
import { rounded } from '@epemu/core';
import type { ComparedMemory } from './report-schema.js';
import type { ComparedSide } from './side.js';

/** A part of what a GPU holds, GB; null where a side does not tell. */
export interface MemoryComparison {
  readonly part: string;
  readonly aGB: number | null;
  readonly bGB: number | null;
  /** B − A; null where a side does not tell. */
  readonly differenceGB: number | null;
}

const ROWS: readonly (MemoryPart | 'total' | 'capacity')[] = [...MEMORY_PARTS, 'total', 'capacity'];

function gigabytesOf(memory: ComparedMemory | null, part: string): number | null {
  return memory === null ? null : (memory.gigabytes[part] ?? null);
}

/** A name says the KV cache's precision where both sides have the same. */
function nameOf(part: (typeof ROWS)[number], a: ComparedMemory | null, b: ComparedMemory | null): string {
  if (part === 'total') return 'together';
  if (part === 'capacity') return 'of a GPU';
  const kvPrecision = (a ?? b)?.kvPrecision;
  const isSame = kvPrecision !== undefined && (a === null || b === null || a.kvPrecision === b.kvPrecision);
  return memoryPartName(part, isSame ? { kvPrecision } : {});
}

/** @returns what a GPU holds on both sides, part by part; none where neither tells. */
export function memoryOfSides(
  { memory: a }: Pick<ComparedSide, 'memory'>,
  { memory: b }: Pick<ComparedSide, 'memory'>,
): MemoryComparison[] {
  if (a === null && b === null) return [];
  return ROWS.map((part): MemoryComparison => {
    const [aGB, bGB] = [gigabytesOf(a, part), gigabytesOf(b, part)];
    const differenceGB = aGB === null || bGB === null ? null : rounded(bGB - aGB);
    return { part: nameOf(part, a, b), aGB, bGB, differenceGB };
  }).filter(({ aGB, bGB }) => (aGB ?? 0) !== 0 || (bGB ?? 0) !== 0);
}
