import type { FigureReport } from '@epemu/analysis';
import type { Configuration } from '@epemu/config';
import { throughputOfStep } from '@epemu/outputs';
import { figuresOf } from './figures-of.js';
import { RunTimer } from './in-memory.js';

/** What holds a layer up: a side that works all the time, or the way between them, in which both wait: the dead zone. */
export type AfdBound = 'attention' | 'experts' | 'transfers';

/** A ratio of attention ranks to ranks with experts. */
export interface AfdPoint {
  readonly attention: number;
  readonly ffn: number;
  readonly ratio: number;
  /** Mean time of a steady layer of all micro-batches, and of the model's step. */
  readonly layerUs: number;
  readonly tpotMs: number;
  readonly tokensPerSecondPerGpu: number;
  /** Share of the layer in which a rank of each side computes or sends, %. */
  readonly attentionBusyPct: number;
  readonly ffnBusyPct: number;
  readonly boundBy: AfdBound;
}

/** A side that waits less than this share of a layer is what holds the other up. */
const BUSY_PCT = 95;

/** Kernels of both sides that wait, or that have nothing to move. */
const WORK = {
  attention: /^(?:ATTN-[01]|SHARED|issue DISPATCH)\(/,
  ffn: /^(?:MLP|issue COMBINE)\(/,
} as const;

function busyPct({ phases, steady }: FigureReport, of: RegExp): number {
  const us = phases.filter(({ name }) => of.test(name)).reduce((sum, { meanUs }) => sum + meanUs, 0);
  return (100 * us) / steady.layerUs.mean;
}

/** Runs a configuration of attention and experts apart in this process, and says what holds it up. */
export async function afdPoint(configuration: Configuration, attention: number, ffn: number): Promise<AfdPoint> {
  const figures = figuresOf(await new RunTimer().time(configuration));
  const { mean } = figures.steady.layerUs;
  const stepUs = mean * configuration.model.layers;
  const attentionBusyPct = busyPct(figures, WORK.attention);
  const ffnBusyPct = busyPct(figures, WORK.ffn);
  const busiest = attentionBusyPct >= ffnBusyPct ? 'attention' : 'experts';
  return {
    attention,
    ffn,
    ratio: attention / ffn,
    layerUs: Number(mean.toFixed(1)),
    tpotMs: Number((stepUs / 1000).toFixed(2)),
    tokensPerSecondPerGpu: throughputOfStep(configuration, stepUs).tokensPerSecondPerGpu,
    attentionBusyPct: Number(attentionBusyPct.toFixed(1)),
    ffnBusyPct: Number(ffnBusyPct.toFixed(1)),
    boundBy: Math.max(attentionBusyPct, ffnBusyPct) >= BUSY_PCT ? busiest : 'transfers',
  };
}

/** @returns the point with most tokens a second and GPU. */
export function bestPoint(points: readonly AfdPoint[]): AfdPoint {
  return points.reduce((best, point) => (point.tokensPerSecondPerGpu > best.tokensPerSecondPerGpu ? point : best));
}

/**
 * A published sweep: Qwen3-235B in FP8 on GB200 with one tray (4 GPUs) for the experts and a context of 16K. Its batch is not
 * published, so that only the shape of the curve is compared.
 */
export const PUBLISHED_SWEEP: ReadonlyMap<number, number> = new Map([
  [4, 1616],
  [5, 1684],
  [6, 1671],
  [7, 1640],
  [8, 1559],
  [11, 1434],
  [14, 1258],
]);

/** @returns what a point differs from the published curve by, %, both curves over their best; undefined where it has no such ratio. */
export function shapeErrorPct({ ratio, tokensPerSecondPerGpu }: AfdPoint, best: AfdPoint): number | undefined {
  const published = PUBLISHED_SWEEP.get(ratio);
  if (published === undefined) return undefined;
  const share = published / Math.max(...PUBLISHED_SWEEP.values());
  return Number((100 * (tokensPerSecondPerGpu / best.tokensPerSecondPerGpu / share - 1)).toFixed(1));
}
