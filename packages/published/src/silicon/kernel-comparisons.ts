import { loadHardware, parseHardware } from '@epemu/presets';
import type { HardwarePreset } from '@epemu/presets';
import { stratifiedSample } from './comparison.js';
import type { SiliconComparison } from './comparison.js';
import { isHeldOut } from './held-out.js';
import { RowTimes } from './row-time.js';
import { KERNEL_TABLES, kernelTable } from './table.js';
import type { KernelTableName, SiliconRow } from './table.js';

/** Presets of the GPUs that the tables have, and the preset that each would be derived from without them. */
const PRESETS: Readonly<Record<string, { readonly preset: string; readonly from?: string }>> = {
  h100: { preset: 'h100' },
  b200: { preset: 'b200', from: 'h100' },
  gb200: { preset: 'gb200-nvl72', from: 'b200' },
};

/** Rows of a family, GPU and use that are compared where not all are asked for. */
const MOST_OF_SAMPLE = 60;

function familyOf(table: KernelTableName, { keys }: SiliconRow): string | undefined {
  switch (table) {
    case 'gemm':
      return { bfloat16: 'GEMM, BF16', fp8_block: 'GEMM, FP8 with cast' }[keys['dtype']];
    case 'mla-context':
      return 'MLA, prefill';
    case 'mla-generation':
      return 'MLA, decode';
    case 'mla-bmm':
      return keys['dtype'] === 'bfloat16' ? "MLA's batched products" : undefined;
    case 'moe-context':
      return `experts, prefill, ${skew(keys)}`;
    case 'moe-generation':
      return `experts, decode, ${skew(keys)}`;
  }
}

function skew(keys: SiliconRow['keys']): string {
  return keys['distribution'] === 'uniform' ? 'uniform' : 'skewed';
}

interface MeasuredRow {
  readonly table: KernelTableName;
  readonly row: SiliconRow;
  readonly family: string;
}

/** A preset as `epemu` would derive it from another GPU's by data sheets, without a row of its own. */
function derivedFrom(base: string, { name, gpu, dataSheet, nodeSize }: HardwarePreset): HardwarePreset {
  return parseHardware({ name: `${name} from ${base}`, base, gpu, dataSheet, nodeSize }, `${name} from ${base}`);
}

/** @returns the rows of all tables that the laws have something for, or a fixed sample of them. */
function measuredRows(all: boolean): MeasuredRow[] {
  const rows = KERNEL_TABLES.flatMap((table) =>
    kernelTable(table).rows.flatMap((row): MeasuredRow[] => {
      const family = familyOf(table, row);
      return family === undefined ? [] : [{ table, row, family }];
    }),
  );
  if (all) return rows;
  const stratum = ({ table, row, family }: MeasuredRow): string =>
    `${family} ${row.keys['gpu']} ${isHeldOut(table, row)}`;
  return stratifiedSample(rows, stratum, MOST_OF_SAMPLE);
}

/**
 * @param all every row, not the fixed sample.
 * @returns rows of kernels measured on silicon beside what the laws of the presets make of them: of a GPU's own preset,
 *   and of one derived from another GPU's by data sheets alone.
 */
export function kernelComparisons(all: boolean): SiliconComparison[] {
  const rows = measuredRows(all);
  const compared: SiliconComparison[] = [];
  const compare = (gpu: string, times: RowTimes, derived?: string): void => {
    for (const { table, row, family } of rows) {
      if (row.keys['gpu'] !== gpu) continue;
      const emulatedUs = times.us(table, row);
      if (emulatedUs === undefined) continue;
      const own = isHeldOut(table, row) ? 'held-out' : 'fitted';
      const what = Object.entries(row.keys).flatMap(([key, value]) => (key === 'gpu' ? [] : [`${key}=${value}`]));
      compared.push({
        ...{ family, gpu: derived === undefined ? gpu : `${gpu} by ${derived}`, what: what.join(' ') },
        ...{ use: derived === undefined ? own : 'derived', measuredUs: row.us, emulatedUs },
      });
    }
  };
  for (const [gpu, { preset, from }] of Object.entries(PRESETS)) {
    const hardware = loadHardware(preset);
    compare(gpu, new RowTimes(hardware));
    if (from !== undefined) compare(gpu, new RowTimes(derivedFrom(from, hardware)), from);
  }
  return compared;
}
