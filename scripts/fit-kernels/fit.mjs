import { kernelTable, RowTimes } from '@epemu/published';
import { least } from './search.mjs';
import { STAGES } from './stages.mjs';

/** What may be off by more than this counts as this: rows that something else disturbed tell nothing. */
const MOST_ERROR = 0.6;
/** The weight of the error that nine tenths of rows are within, beside the mean. */
const TAIL_WEIGHT = 0.15;

/** @returns |log(emulated / measured)| of each row. */
export function errorsOf(hardware, rows) {
  const times = new RowTimes(hardware);
  return rows.map(({ table, row }) => Math.abs(Math.log(times.us(table, row) / row.us)));
}

/** @returns the rows of a stage that were measured on a GPU, each with its table. */
export function rowsOf({ tables, where }, gpu) {
  return tables.flatMap((table) =>
    kernelTable(table)
      .rows.filter((row) => row.keys.gpu === gpu && where(row.keys))
      .map((row) => ({ table, row })),
  );
}

export function quantile(values, share) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted.length === 0 ? NaN : sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];
}

function lossOf(errors) {
  const mean = errors.reduce((sum, error) => sum + Math.min(error, MOST_ERROR), 0) / errors.length;
  return mean + TAIL_WEIGHT * quantile(errors, 0.9);
}

/** Rates that no data sheet allows are not tried. */
function limitOf(hardware, kind, key) {
  const { dataSheet, gpu } = hardware;
  if (kind === 'sequence-walk') return {};
  if (key === 'GBps' || key === 'memoryGBps') return { most: dataSheet.memoryGBps };
  if (key === 'tflopsPerSm') return { most: dataSheet.bf16Tflops / gpu.sms };
  if (key !== 'nsPerK') return {};
  const tflops = kind.endsWith('bf16') ? dataSheet.bf16Tflops : dataSheet.fp8Tflops;
  return { least: (2 * 128 * 128) / ((tflops / gpu.sms) * 1000) };
}

function clamped(value, { least: low = 0, most = Infinity }) {
  return Math.min(most, Math.max(low, value));
}

function merged(hardware, kinds, host) {
  const provenance = { basis: 'measured', source: 'being fitted' };
  const kernels = { ...hardware.kernels };
  for (const [kind, rate] of Object.entries(kinds)) kernels[kind] = { ...rate, ...provenance };
  return { ...hardware, kernels, host: { ...hardware.host, ...host } };
}

/** Rows enough to tell a handful of constants; all of a table take minutes. */
const MOST_ROWS = 350;

function thinned(rows) {
  const every = Math.ceil(rows.length / MOST_ROWS);
  return rows.filter((_, i) => i % every === 0);
}

/** Fits one stage. @returns the preset with its constants. */
function fitStage(hardware, stage, rows, context) {
  const kinds = stage.kinds({ ...context, kernels: hardware.kernels });
  const host = { ...stage.host };
  const free = [];
  const groups = [stage.free, context.laysOutScales ? {} : (stage.freeWithoutLayout ?? {})];
  for (const group of groups) {
    for (const [kind, keys] of Object.entries(group)) {
      if (kind === 'host') for (const key of keys) free.push([host, key, {}]);
      else if (kinds[kind] !== undefined) {
        for (const key of keys) free.push([kinds[kind], key, limitOf(hardware, kind, key)]);
      }
    }
  }
  const set = (at) => {
    free.forEach(([of, key, limit], i) => {
      of[key] = clamped(Number(Math.exp(at[i]).toPrecision(4)), limit);
    });
    return merged(hardware, kinds, Object.fromEntries(Object.entries(host).map(([key, ns]) => [key, Math.round(ns)])));
  };
  const start = free.map(([of, key]) => Math.log(of[key]));
  const few = thinned(rows);
  const best = least((at) => lossOf(errorsOf(set(at), few)), start);
  return set(best.at);
}

/**
 * Fits all stages to the rows of a GPU that `isSeen` lets through.
 * @returns the preset, and by stage what its constants are and how far they are off on the rows it saw.
 */
export function fitAll(hardware, gpu, isSeen, stages = STAGES) {
  const { memoryGBps } = hardware.dataSheet;
  const context = { laysOutScales: hardware.gpu.deviceProperties.computeMajor >= 10, memory: memoryGBps / 3350 };
  let fitted = { ...hardware, host: { ...hardware.host, graphGapNs: 900 } };
  for (const stage of stages) {
    const rows = rowsOf(stage, gpu).filter(isSeen);
    fitted = fitStage(fitted, stage, rows, context);
  }
  return fitted;
}
