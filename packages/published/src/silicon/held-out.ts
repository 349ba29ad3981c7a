import { hash32 } from '@epemu/core';
import type { KernelTableName, SiliconRow } from './table.js';

/** Of shapes of products, one in so many is held out. */
const ONE_IN = 5;
/** Held out whole: MLA of so many heads, and experts over so many ranks. */
const HEADS = 32;
const RANKS = 16;

/** @returns whether no constant was fitted to a row: whole shapes are held out, on every GPU. */
export function isHeldOut(table: KernelTableName, { keys }: SiliconRow): boolean {
  if (table === 'gemm') return hash32(Number(keys['n']), Number(keys['k'])) % ONE_IN === 0;
  if (table === 'moe-context' || table === 'moe-generation') return Number(keys['ep']) === RANKS;
  return Number(keys['heads']) === HEADS;
}
