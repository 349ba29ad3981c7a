import type { KernelRate } from '@epemu/presets';
import type { Calibration } from './calibrate.js';

const milliseconds = (us: number): string => (us / 1000).toFixed(3);
const percent = (value: number): string => value.toFixed(1);
const microseconds = (ns: number): string => `${(ns / 1000).toFixed(2)} µs`;

/** Longest name of a kernel that the table prints; template arguments fill pages. */
const LONGEST_NAME = 72;

function rateText(rate: KernelRate): string {
  const floor = microseconds(rate.floorNs);
  if (rate.model === 'memory') return `${rate.GBps} GB/s + ${floor}`;
  if (rate.model === 'flops') return `${rate.tflopsPerSm} TFLOPS an SM + ${floor}`;
  return `${rate.nsPerK} ns/K + ${microseconds(rate.tileNs)} a tile + ${floor}`;
}

/** Columns as wide as their widest cell: the first to the left, and those that begin with a digit to the right. */
function table(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const widths = head.map((title, column) => Math.max(title.length, ...rows.map((row) => row[column].length)));
  const isNumber = head.map((_, column) => rows.every((row) => /^-?[\d.]+$|^$/.test(row[column])));
  const line = (cells: readonly string[]): string =>
    cells.map((cell, i) => (isNumber[i] ? cell.padStart(widths[i]) : cell.padEnd(widths[i]))).join('  ');
  return [head, ...rows].map((row) => line(row).trimEnd());
}

function short(name: string): string {
  return name.length > LONGEST_NAME ? `${name.slice(0, LONGEST_NAME - 1)}…` : name;
}

function kindLines({ kinds, base }: Calibration): string[] {
  if (kinds.length === 0) return ['no kernel could be placed, so no rate was fitted'];
  return table(
    ['kind', 'kernels', 'ms', 'rate', 'spread %', `${base} ms`, 'difference %'],
    kinds.map(({ kind, count, totalUs, rate, spread, baseUs, differencePct }) => [
      kind,
      String(count),
      milliseconds(totalUs),
      rateText(rate),
      percent(100 * spread),
      milliseconds(baseUs),
      percent(differencePct),
    ]),
  );
}

function phaseLines({ phases, base }: Calibration): string[] {
  if (phases.length === 0) return [];
  const rows = phases.map(({ phase, count, measuredUs, fittedUs, baseUs }) => [
    phase,
    String(count),
    measuredUs.toFixed(1),
    fittedUs.toFixed(1),
    baseUs.toFixed(1),
  ]);
  return ['', ...table(['phase', 'runs', 'measured µs', 'fitted µs', `${base} µs`], rows)];
}

function collectiveLines({ collectives }: Calibration): string[] {
  if (collectives.length === 0) return [];
  const rows = collectives.map(({ phase, name, count, meanUs, spread, rdmaGBps }) => [
    phase ?? '',
    name,
    String(count),
    meanUs.toFixed(1),
    percent(100 * spread),
    rdmaGBps?.toFixed(1) ?? '',
  ]);
  const head = ['phase', 'collective', 'kernels', 'mean µs', 'spread %', 'RDMA GB/s'];
  return ['', ...table(head, rows), 'transfers are those of the base preset'];
}

function notPlacedLines({ notPlaced }: Calibration): string[] {
  if (notPlaced.length === 0) return ['', 'every kernel was placed'];
  const rows = notPlaced.map(({ name, reason, count, totalUs, sharePct }) => [
    short(name),
    reason,
    String(count),
    milliseconds(totalUs),
    sharePct.toFixed(2),
  ]);
  return ['', ...table(['not placed', 'why', 'kernels', 'ms', '% of kernel time'], rows)];
}

/** The text of `epemu calibrate`. */
export function calibrationText(calibration: Calibration): string {
  const { preset, model, ranks, computeSms, communicationSms, tokens } = calibration;
  const size = tokens === null ? 'tokens unknown' : `${tokens} tokens a micro-batch`;
  return [
    `${preset.name}: ${model} on ${ranks} ${ranks === 1 ? 'rank' : 'ranks'}, ` +
      `${computeSms} + ${communicationSms} SMs of ${preset.gpu.name}, ${size}`,
    '',
    ...kindLines(calibration),
    ...phaseLines(calibration),
    ...collectiveLines(calibration),
    ...notPlacedLines(calibration),
    '',
  ].join('\n');
}
