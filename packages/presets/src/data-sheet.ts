import * as z from 'zod';
import { RATE } from './bounds.js';

/** Peaks of a GPU and its links as data sheets print them; what presets are scaled by. */
export const DATA_SHEET_SCHEMA = z.strictObject({
  /** Which data sheet, for the sources of what is scaled. */
  name: z.string().min(1),
  /** Matrix products of the whole GPU, dense: without sparsity. */
  fp8Tflops: RATE,
  bf16Tflops: RATE,
  memoryGBps: RATE,
  /** One direction; data sheets print both together. */
  nvlinkGBps: RATE,
  /** One direction of the NIC that a GPU has. */
  rdmaGBps: RATE,
});

export type DataSheet = Readonly<z.infer<typeof DATA_SHEET_SCHEMA>>;

/** A GPU as far as rates follow from it. */
export interface ScaledGpu {
  readonly sms: number;
  readonly dataSheet: DataSheet;
}

/** A ratio of two data sheets, and the words that say how it comes about. */
export interface Factor {
  readonly value: number;
  /** `memory bandwidth, 4800 over 3350 GB/s = 1.433`; for a source that begins "scaled from h800: GBps by". */
  readonly text: string;
}

/** How much faster one GPU is than another. */
export interface Factors {
  /** Of one SM. */
  readonly fp8: Factor;
  readonly bf16: Factor;
  /** Memory bandwidth of the GPU, and each SM's part of it. */
  readonly memory: Factor;
  readonly memoryOfSm: Factor;
  readonly nvlink: Factor;
  readonly rdma: Factor;
  readonly sms: Factor;
}

/** @returns a number with at most 4 significant digits, for texts. */
function short(value: number): string {
  return String(Number(value.toPrecision(4)));
}

function ratio(what: string, to: number, from: number, unit: string): Factor {
  const value = to / from;
  return { value, text: `${what}, ${to} over ${from}${unit} = ${short(value)}` };
}

/** @returns by what the rates of `from` are multiplied to become those of `to`. */
export function factorsBetween(from: ScaledGpu, to: ScaledGpu): Factors {
  const [before, after] = [from.dataSheet, to.dataSheet];
  const ofSm = (what: string, key: 'fp8Tflops' | 'bf16Tflops' | 'memoryGBps', unit: string): Factor => {
    const value = after[key] / to.sms / (before[key] / from.sms);
    const text = `${what}, ${after[key]} ${unit} on ${to.sms} SMs over ${before[key]} on ${from.sms} = ${short(value)}`;
    return { value, text };
  };
  return {
    fp8: ofSm('FP8 operations of an SM', 'fp8Tflops', 'TFLOP/s'),
    bf16: ofSm('BF16 operations of an SM', 'bf16Tflops', 'TFLOP/s'),
    memory: ratio('memory bandwidth', after.memoryGBps, before.memoryGBps, ' GB/s'),
    memoryOfSm: ofSm("an SM's part of memory bandwidth", 'memoryGBps', 'GB/s'),
    nvlink: ratio('NVLink bandwidth', after.nvlinkGBps, before.nvlinkGBps, ' GB/s'),
    rdma: ratio('NIC bandwidth', after.rdmaGBps, before.rdmaGBps, ' GB/s'),
    sms: ratio('their number', to.sms, from.sms, ''),
  };
}
