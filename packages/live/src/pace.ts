import { throughputOfStep } from '@epemu/outputs';
import { denseLayerCount, rolesOf } from '@epemu/config';
import type { Configuration } from '@epemu/config';
import type { LayerTime, RowTracker } from './row-tracker.js';
import type { Pace } from './state.js';

/** Layers that a run's pace is the mean of. */
const RECENT_LAYERS = 8;

const sum = (times: readonly LayerTime[]): number => times.reduce((total, { us }) => total + us, 0);

/**
 * Time of the whole model's dense layers, µs: what they took; where the phase that marks a layer is absent in them,
 * what came before the first mark.
 */
function denseUs(configuration: Configuration, rows: RowTracker, times: readonly LayerTime[]): number {
  if (denseLayerCount(configuration) === 0) return 0;
  const dense = times.filter((time) => time.dense);
  return dense.length > 0 ? sum(dense) : (rows.firstLayerStartUs ?? 0);
}

/**
 * @returns the pace of a run from the MoE layers that all ranks have ended lately, the first left out where there are
 * more; undefined before one has. Throughput is that of report.json, from the time of these layers instead of all
 * steady ones. Where roles or passes share out the layers, and in training without overlap, whose layers go backward long after
 * they went forward, throughput is known at the end only.
 */
export function paceOf(configuration: Configuration, rows: RowTracker): Pace | undefined {
  const { family, overlap, model, schedule } = configuration;
  const times = rows.layerTimes();
  const moe = times.filter(({ dense }) => !dense);
  const recent = moe.slice(moe.length > 1 ? 1 : 0).slice(-RECENT_LAYERS);
  if (recent.length === 0) return undefined;
  const layerUs = sum(recent) / recent.length;
  const layers = recent.length;
  const isWhole = rolesOf(configuration).length === 1 && schedule.passes === undefined;
  if (!isWhole || (family === 'training' && overlap === 'none')) {
    return { layerUs, layers, tokensPerSecondPerGpu: null, tokensPerSecondPerNode: null };
  }
  const stepUs = layerUs * (model.layers - denseLayerCount(configuration)) + denseUs(configuration, rows, times);
  const { tokensPerSecondPerGpu, tokensPerSecondPerNode } = throughputOfStep(configuration, stepUs);
  return { layerUs, layers, tokensPerSecondPerGpu, tokensPerSecondPerNode };
}
